package import Base
import Files
package import JSON
import Synchronization
package import SystemPackage

/// The results of the samples of a stage, kept as they come, so that a killed stage goes on where it was.
///
/// Records are appended and never changed. What a stage reports (counts, tokens, seconds) should be computed
/// from the records, not counted on the way: then a resumed stage reports the same as one never stopped.
package final class Journal: Sendable {
    /// The file.
    package let path: FilePath

    private struct State {
        var file: FileDescriptor?
        var records: [JournalRecord]
        var keys: Set<JournalKey>
        var length: Int
        var lastFlush: ContinuousClock.Instant
    }
    private let state: Mutex<State>

    /// Opens or creates the journal of a recipe; a torn end is cut off.
    ///
    /// - Throws: `JournalError` when the file belongs to another recipe or is damaged; `FileError`.
    package init(_ path: FilePath, fingerprint: String) throws {
        let header = try JournalText.header(fingerprint)
        let file = try Self.open(path)
        var isOpen = false
        defer { if !isOpen { try? file.close() } }
        let text = try JournalText(reading: file, path: path, fingerprint: fingerprint)
        // Nothing is cut off a file that doesn't begin as this journal does, or would have if its first line were whole.
        guard try text != nil || Self.isStart(file, path, of: header) else {
            throw JournalError(
                description:
                    "\(path) is no journal of this stage: it doesn't begin as one. Nothing of it was changed. Look at what it is, and move it away."
            )
        }
        do {
            if let text {
                try file.resize(to: Int64(text.wholeLength))
            } else {
                try file.resize(to: 0)
                try file.writeAll(toAbsoluteOffset: 0, header)
            }
        } catch {
            throw FileError("open journal", path, error as? Errno ?? .ioError)
        }
        let records = text?.records ?? []
        let keys = Set(records.map(\.key))
        guard keys.count == records.count else {
            throw JournalError(
                description: "\(path) holds a sample twice. Delete the file to compute its samples again.")
        }
        self.path = path
        isOpen = true
        state = Mutex(
            State(
                file: file, records: records, keys: keys, length: text?.wholeLength ?? header.count,
                lastFlush: .now))
    }

    deinit { state.withLock { try? $0.file?.close() } }

    /// Whether a file holds nothing but the first bytes of a header, or all of them.
    private static func isStart(
        _ file: FileDescriptor, _ path: FilePath, of header: [UInt8]
    ) throws(FileError) -> Bool {
        do {
            let bytes = try [UInt8](unsafeUninitializedCapacity: header.count + 1) { buffer, count in
                count = try file.read(
                    fromAbsoluteOffset: 0, into: UnsafeMutableRawBufferPointer(buffer))
            }
            return header.starts(with: bytes)
        } catch {
            throw FileError("read", path, error as? Errno ?? .ioError)
        }
    }

    /// A plain file, which no link leads to.
    private static func open(_ path: FilePath) throws(FileError) -> FileDescriptor {
        let name = FilePath(path.lastComponent?.string ?? "")
        let file = try Folder(path.removingLastComponent())
            .openFile(name, .readWrite, options: .create, "open journal")
        guard let file else { throw FileError("open journal", path, .noSuchFileOrDirectory) }
        return file
    }

    /// All records so far, in the order in which they were appended, those of earlier processes first.
    package var records: [JournalRecord] { state.withLock { $0.records } }

    /// How many records there are.
    package var count: Int { state.withLock { $0.records.count } }

    /// Whether a sample has its record.
    package func contains(_ key: JournalKey) -> Bool { state.withLock { $0.keys.contains(key) } }

    /// Adds the record of one sample.
    ///
    /// - Throws: `FileError`; `JSONWritingError` for a number that isn't finite; `JournalError` for a sample
    ///   that has its record already.
    package func append(_ key: JournalKey, _ value: JSONValue) throws {
        try append(group: [JournalRecord(key, value)])
    }

    /// Adds the records of samples that were computed together: all of them are kept, or none.
    ///
    /// They survive a kill of the process once this returns, and a power cut about a second later.
    /// - Throws: As for one record. After an error the journal is as it was before.
    package func append(group: [JournalRecord]) throws {
        let bytes = try JournalText.lines(of: group)
        try state.withLock { state in
            guard let file = state.file else { throw JournalError(description: "\(path) is closed already.") }
            var keys = state.keys
            for record in group where !keys.insert(record.key).inserted {
                throw JournalError(description: "\(path) has a record for the sample \(record.key) already.")
            }
            do {
                _ = try file.writeAll(toAbsoluteOffset: Int64(state.length), bytes)
            } catch {
                // Half a group may be in the file. The reader would drop it, but space may be what is short.
                try? file.resize(to: Int64(state.length))
                throw FileError("write", path, error as? Errno ?? .ioError)
            }
            state.length += bytes.count
            state.keys = keys
            state.records += group
            // Flushing each record would make the disk the slowest part of a fast stage.
            if state.lastFlush.duration(to: .now) > .seconds(1) {
                state.lastFlush = .now
                try FileSystem.synchronize(path)
            }
        }
    }

    /// Flushes all records to the disk.
    package func flush() throws { try FileSystem.synchronize(path) }

    /// Flushes and closes; later appends are refused.
    package func close() throws {
        try FileSystem.synchronize(path)
        state.withLock { state in
            try? state.file?.close()
            state.file = nil
        }
    }

    /// Reads the records of a journal in an artifact.
    ///
    /// - Throws: `JournalError` when the file is no journal or isn't whole; `FileError`.
    package static func read(_ path: FilePath) throws -> [JournalRecord] {
        guard let text = try JournalText(reading: path, fingerprint: nil),
            try FileSystem.status(path)?.size == text.wholeLength
        else { throw JournalError(description: "\(path) ends in the middle of a record.") }
        return text.records
    }
}

extension Journal {
    /// Gives the records of a journal in an artifact one after another; one is in memory at a time.
    ///
    /// - Throws: `JournalError` when the file is no journal or isn't whole; `FileError`, and what the body throws.
    package static func forEach(_ path: FilePath, _ body: (JournalRecord) throws -> Void) throws {
        var lines = 0
        var following = 0
        try FileSystem.forEachLine(of: path) { line, number in
            lines = number
            guard let root = try? JSONDocument(parsing: line, name: "").root else {
                throw JournalError(description: JournalText.damage(path, number, "no JSON"))
            }
            let value = JSONValue(root)
            if number == 1 { return try JournalText.checkHeader(value, path, nil) }
            guard let key = JournalKey(value["key"]), let content = value["value"] else {
                throw JournalError(
                    description: JournalText.damage(path, number, "a record without key or value"))
            }
            following = value["more"]?.int ?? 0
            try body(JournalRecord(key, content))
        }
        guard lines > 0, following == 0 else {
            throw JournalError(description: "\(path) ends in the middle of a record.")
        }
    }
}

/// What a journal knows a sample by.
package enum JournalKey: Sendable, Hashable, CustomStringConvertible, ExpressibleByIntegerLiteral,
    ExpressibleByStringLiteral
{
    case integer(Int)
    case string(String)

    package init(integerLiteral value: Int) { self = .integer(value) }
    package init(stringLiteral value: String) { self = .string(value) }

    package var description: String {
        switch self {
        case .integer(let integer): String(integer)
        case .string(let string): "\"\(string)\""
        }
    }

    var value: JSONValue {
        switch self {
        case .integer(let integer): .integer(integer)
        case .string(let string): .string(string)
        }
    }

    init?(_ value: JSONValue?) {
        switch value {
        case .integer(let integer): self = .integer(integer)
        case .string(let string): self = .string(string)
        default: return nil
        }
    }
}

/// The result of one sample.
package struct JournalRecord: Sendable, Hashable {
    /// Which sample.
    package let key: JournalKey
    /// Its result.
    package let value: JSONValue

    /// Joins a sample with its result.
    package init(_ key: JournalKey, _ value: JSONValue) {
        self.key = key
        self.value = value
    }
}

/// A journal that can't be used.
package struct JournalError: Failure, Sendable, Hashable {
    package var failureKind: FailureKind { .inputOutput }

    package let description: String

    package init(description: String) {
        self.description = description
    }
}
