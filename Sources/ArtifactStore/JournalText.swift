internal import Files
internal import JSON
package import SystemPackage

/// The bytes of a journal: a header line with the fingerprint, then one line per record.
///
/// ```
/// {"journal":1,"fingerprint":"9f86d0…"}
/// {"key":0,"value":{"correct":true},"more":1}
/// {"key":1,"value":{"correct":false}}
/// ```
/// `more` says how many records of the same group follow. A group counts only when it is whole: samples of one
/// batch are computed together, and another batch of what is left of them would not give the same bits.
package struct JournalText {
    package static let format = 1

    package var records: [JournalRecord] = []
    /// How many bytes hold the header and whole groups; what lies behind was torn by a kill.
    var wholeLength = 0

    package static func header(_ fingerprint: String) throws -> [UInt8] {
        let header: JSONValue = ["journal": .integer(format), "fingerprint": .string(fingerprint)]
        return try header.compactBytes() + [UInt8(ascii: "\n")]
    }

    package static func lines(of group: [JournalRecord]) throws -> [UInt8] {
        var bytes: [UInt8] = []
        for (index, record) in group.enumerated() {
            var line: JSONObject = ["key": record.key.value, "value": record.value]
            if index + 1 < group.count { line["more"] = .integer(group.count - index - 1) }
            bytes += try JSONValue.object(line).compactBytes()
            bytes.append(UInt8(ascii: "\n"))
        }
        return bytes
    }

    /// The records of lines without a header, such as ``lines(of:)`` makes.
    ///
    /// - Throws: `JournalError` when they are no whole group.
    package static func records(ofLines bytes: [UInt8]) throws -> [JournalRecord] {
        let header = try header("")
        guard let text = try JournalText(parsing: header + bytes, path: "", fingerprint: nil),
            text.wholeLength == header.count + bytes.count
        else { throw JournalError(description: "its records aren't whole") }
        return text.records
    }

    /// Reads a journal's bytes; nil when not even the header is whole, so that nothing was lost.
    ///
    /// - Throws: `JournalError` when the journal belongs to another recipe, or is damaged elsewhere than at its end.
    package init?(parsing bytes: [UInt8], path: FilePath, fingerprint: String?) throws {
        try self.init(path, fingerprint) { reader in try bytes.withUnsafeBytes { try reader.add($0) } }
    }

    /// Reads a journal from where a file is read next; one line is in memory beside the records.
    ///
    /// - Throws: As for bytes; `FileError`.
    init?(reading file: FileDescriptor, path: FilePath, fingerprint: String?) throws {
        try self.init(path, fingerprint) { reader in
            try FileSystem.readParts(file, path) { try reader.add($0) }
        }
    }

    /// Reads the journal at a path.
    ///
    /// - Throws: As for an open file.
    package init?(reading path: FilePath, fingerprint: String?) throws {
        try self.init(path, fingerprint) { reader in try FileSystem.readParts(path) { try reader.add($0) } }
    }

    private init() {}

    private init?(
        _ path: FilePath, _ fingerprint: String?, _ read: (inout Reader) throws -> Void
    ) throws {
        var reader = Reader(path, fingerprint)
        try read(&reader)
        guard let text = reader.text else { return nil }
        self = text
    }

    /// Takes a journal's bytes as they come.
    private struct Reader {
        /// The most bytes of a line: no record is so long, and a hole of any size may stand in a file that somebody else made.
        private static let longestLine = 1 << 28

        private let path: FilePath
        private let fingerprint: String?
        private var whole = JournalText()
        private var line: [UInt8] = []
        private var group: [JournalRecord] = []
        private var number = 0
        private var length = 0
        /// The number of a whole line that is no JSON; only the last may be such a one.
        private var torn: Int?

        init(_ path: FilePath, _ fingerprint: String?) { (self.path, self.fingerprint) = (path, fingerprint) }

        /// nil when not even the header is whole.
        var text: JournalText? { whole.wholeLength == 0 ? nil : whole }

        mutating func add(_ part: UnsafeRawBufferPointer) throws {
            var start = 0
            while start < part.count {
                if let torn { throw JournalError(description: JournalText.damage(path, torn, "no JSON")) }
                let end = part[start...].firstIndex(of: UInt8(ascii: "\n"))
                line += UnsafeRawBufferPointer(rebasing: part[start..<(end ?? part.count)])
                guard line.count <= Self.longestLine else {
                    throw JournalError(
                        description: JournalText.damage(path, number + 1, "longer than any record"))
                }
                guard let end else { return }
                try takeLine()
                start = end + 1
            }
        }

        private mutating func takeLine() throws {
            defer { line.removeAll(keepingCapacity: true) }
            number += 1
            length += line.count + 1
            guard let root = try? JSONDocument(parsing: line, name: "").root else {
                // A power cut can leave a last line of zeros; anywhere else, something else wrote here.
                torn = number
                return
            }
            let value = JSONValue(root)
            if number == 1 {
                try JournalText.checkHeader(value, path, fingerprint)
                whole.wholeLength = length
                return
            }
            guard let key = JournalKey(value["key"]), let content = value["value"] else {
                throw JournalError(
                    description: JournalText.damage(path, number, "a record without key or value"))
            }
            group.append(JournalRecord(key, content))
            if value["more"]?.int ?? 0 == 0 {
                whole.records += group
                group = []
                whole.wholeLength = length
            }
        }
    }

    static func checkHeader(_ header: JSONValue, _ path: FilePath, _ fingerprint: String?) throws {
        guard let format = header["journal"]?.int, let found = header["fingerprint"]?.string else {
            throw JournalError(
                description: "\(path) is no journal of d3llm: its first line isn't a journal's header.")
        }
        guard format <= Self.format else {
            throw JournalError(
                description:
                    "\(path) has the journal format \(format); this version of d3llm reads up to \(Self.format)."
            )
        }
        guard fingerprint == nil || found == fingerprint else {
            throw JournalError(
                description: """
                    \(path) belongs to another recipe (fingerprint \(found.prefix(12))…, needed \
                    \(fingerprint?.prefix(12) ?? "")…), so its results can't be taken over. Move it back to where it \
                    came from, or delete it to start from nothing.
                    """)
        }
    }

    static func damage(_ path: FilePath, _ line: Int, _ what: String) -> String {
        "\(path):\(line) is damaged: this line is \(what). Delete the file to compute its samples again."
    }
}
