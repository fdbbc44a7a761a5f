public import Base
public import SystemPackage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A text file whose bytes are no UTF-8.
public struct FileEncodingError: Failure, Sendable, Hashable {
    public var failureKind: FailureKind { .inputOutput }

    /// The file.
    public let path: FilePath

    public var description: String { "\(path) isn't UTF-8 text. Save it as UTF-8." }
}

/// How many bytes are read of a file whose content has to be in memory as a whole, by what it is.
///
/// A few kilobytes of a repository can become gigabytes on the disk, so that no reader is without a limit.
public enum FileLimit {
    /// Settings that people write, and notes of this program: 16 MiB.
    public static let settings = 16 << 20
    /// Vocabularies, records, reports and tables: 256 MiB.
    public static let document = 256 << 20
    /// Data sets, journals and what is compared byte for byte: 16 GiB.
    public static let data = 16 << 30
}

extension FileSystem {
    /// All bytes of a file.
    ///
    /// Who wrote a folder, a store or a checkpoint chose what stands at its places: a link to a device without an end, or
    /// a pipe that nobody writes to. Only a plain file is read; links to one are followed.
    ///
    /// - Parameters:
    ///   - limit: The most bytes that it may have; see ``FileLimit``.
    ///   - mayBePipe: Whether the command line itself names the file: then it may be a pipe or a terminal, which is read to
    ///     its end, as far as the limit.
    /// - Throws: `FileError`, also for a folder, a pipe, a socket or a device, and for a file beyond the limit.
    public static func read(
        _ path: FilePath, limit: Int = FileLimit.document, mayBePipe: Bool = false
    ) throws(FileError) -> [UInt8] {
        let file = mayBePipe ? try open(path, .readOnly, "read") : try openPlainFile(path, "read")
        defer { try? file.close() }
        return try read(file, path, limit: limit)
    }

    /// All bytes of an open file from where it is read next.
    ///
    /// - Parameters:
    ///   - path: Names it in an error.
    ///   - limit: The most bytes that it may have; see ``FileLimit``.
    public static func read(
        _ file: FileDescriptor, _ path: FilePath, limit: Int = FileLimit.data
    ) throws(FileError) -> [UInt8] {
        var info = stat()
        let expected = fstat(file.rawValue, &info) == 0 ? max(0, Int(info.st_size)) : 0
        guard expected <= limit else { throw tooLarge(path, limit) }
        var bytes: [UInt8] = []
        // One byte more than the size, so that the end of an unchanged file is seen without a second buffer.
        var room = expected + 1
        while true {
            let start = bytes.count
            do {
                let part = try [UInt8](unsafeUninitializedCapacity: room) { buffer, count in
                    count = try file.read(into: UnsafeMutableRawBufferPointer(buffer))
                }
                if part.isEmpty { return bytes }
                if bytes.isEmpty { bytes = part } else { bytes += part }
            } catch {
                throw FileError("read", path, error as? Errno ?? .ioError)
            }
            guard bytes.count <= limit else { throw tooLarge(path, limit) }
            room = max(expected + 1 - bytes.count, min(bytes.count - start, 1 << 20), 4096)
        }
    }

    static func tooLarge(_ path: FilePath, _ limit: Int) -> FileError {
        let size = limit >= 1 << 20 ? "\(limit >> 20) MiB" : "\(limit >> 10) KiB"
        return FileError(
            "read", path, .fileTooLarge,
            "it has more than \(size), which is the most that is read of such a file. Look at whether it is the file that is meant"
        )
    }

    /// Gives a plain file's bytes to `body` a part at a time; the parts are valid during the call.
    public static func readParts(_ path: FilePath, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
        let file = try openPlainFile(path, "read")
        defer { try? file.close() }
        try readParts(file, path, body)
    }

    /// The same for an open file, from where it is read next.
    ///
    /// - Parameter path: Names it in an error.
    public static func readParts(
        _ file: FileDescriptor, _ path: FilePath, _ body: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        try withUnsafeTemporaryAllocation(byteCount: 1 << 16, alignment: 16) { buffer in
            while true {
                let count: Int
                do {
                    count = try file.read(into: buffer)
                } catch {
                    throw FileError("read", path, error as? Errno ?? .ioError)
                }
                if count == 0 { break }
                try body(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            }
        }
    }

    /// A whole file as text.
    ///
    /// - Parameters: As for ``read(_:limit:mayBePipe:)``.
    /// - Throws: `FileError`, or `FileEncodingError` when the bytes aren't UTF-8.
    public static func readText(
        _ path: FilePath, limit: Int = FileLimit.document, mayBePipe: Bool = false
    ) throws -> String {
        let bytes = try read(path, limit: limit, mayBePipe: mayBePipe)
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw FileEncodingError(path: path)
        }
        return text
    }

    /// Opens a plain file for reading; links to one are followed.
    ///
    /// - Throws: `FileError` that says what stands there, for a folder, a pipe, a socket or a device.
    static func openPlainFile(_ path: FilePath, _ operation: String) throws(FileError) -> FileDescriptor {
        let file: FileDescriptor
        do {
            // A pipe would wait for its other end.
            file = try open(path, .readOnly, operation, options: .nonBlocking)
        } catch {
            // A socket, and a device that isn't there.
            guard error.errno == .noSuchAddressOrDevice else { throw error }
            throw notPlain(path, operation, 0, error.errno)
        }
        var info = stat()
        let isKnown = fstat(file.rawValue, &info) == 0
        if isKnown, info.st_mode & S_IFMT == S_IFREG { return file }
        let reason = isKnown ? Errno.invalidArgument : Errno(rawValue: errno)
        try? file.close()
        throw notPlain(path, operation, info.st_mode & S_IFMT, reason)
    }

    private static func notPlain(
        _ path: FilePath, _ operation: String, _ kind: mode_t, _ reason: Errno
    ) -> FileError {
        if kind == S_IFDIR { return FileError(operation, path, .isDirectory) }
        let what =
            switch kind {
            case S_IFIFO: "a pipe"
            case S_IFCHR, S_IFBLK: "a device"
            default: "a socket or a device"
            }
        let isLink = (try? status(path, followingLinks: false))?.kind == .link
        return FileError(
            operation, path, reason,
            "\(what) \(isLink ? "is where the link there leads" : "stands there"), and only a plain file is read. Put the file itself in its place"
        )
    }

    static func open(
        _ path: FilePath, _ mode: FileDescriptor.AccessMode, _ operation: String,
        options: FileDescriptor.OpenOptions = []
    ) throws(FileError) -> FileDescriptor {
        do {
            return try FileDescriptor.open(
                path, mode, options: options.union(.closeOnExec),
                permissions: options.contains(.create) ? FilePermissions(rawValue: 0o666) : nil)
        } catch {
            throw FileError(operation, path, error as? Errno ?? .ioError)
        }
    }
}

extension FilePath {
    /// A path that somebody else wrote; nil where its text has a NUL.
    ///
    /// A path made of such a text ends at the NUL without a word: it would lead to another file than its text says, and
    /// than whatever judged that text has judged.
    public init?(foreign text: String) {
        guard !text.utf8.contains(0) else { return nil }
        self.init(text)
    }
}

/// A file operation that the system refused.
public struct FileError: Failure, Sendable, Hashable {
    public var failureKind: FailureKind { .inputOutput }

    /// What was attempted, as a verb phrase: "read", "create folder".
    public let operation: String
    /// The file or folder concerned.
    public let path: FilePath
    /// The system's reason.
    public let errno: Errno
    /// What the matter is where the program knows better than the system, with what to do; the end of a sentence.
    private let explanation: String?

    /// Joins an operation, its path and the system's reason.
    ///
    /// - Parameter explanation: Stands for the system's reason, without its full stop.
    public init(_ operation: String, _ path: FilePath, _ errno: Errno, _ explanation: String? = nil) {
        self.operation = operation
        self.path = path
        self.errno = errno
        self.explanation = explanation
    }

    /// Why it was refused, as the end of a sentence without its full stop.
    public var reason: String { explanation ?? errno.description.lowercasedFirst }

    public var description: String {
        if let explanation { return "Could not \(operation) \(path): \(explanation)." }
        let cure = cure.map { " " + $0 } ?? ""
        return "Could not \(operation) \(path): \(errno.description.lowercasedFirst).\(cure)"
    }

    /// What to do about it, where something can be said.
    private var cure: String? {
        switch errno {
        case .noSpace: "Free some space on that disk, or choose another place."
        case .diskQuotaExceeded: "Free some of your quota, or choose another place."
        case .permissionDenied, .notPermitted: "Check the owner and the mode of the file and of its folder."
        case .readOnlyFileSystem: "That file system is mounted read-only; choose another place."
        case .noSuchFileOrDirectory: "Check the spelling, and that the folder exists."
        case .tooManyOpenFiles, .tooManyOpenFilesInSystem: "Raise the limit with `ulimit -n`."
        case .notDirectory: "A part of that path is a file; a folder is needed there."
        case .isDirectory: "A folder stands where a file is needed."
        case .fileNameTooLong: "Choose a shorter name."
        case .improperLink: "The two places have to be on one file system."
        case .tooManySymbolicLinkLevels: "A symbolic link there leads back to itself; remove or correct it."
        case .noMemory: "Free some memory, or use a machine that has more."
        default: nil
        }
    }
}

/// A file's bytes as memory, read from the disk only where they are touched.
///
/// `@unchecked Sendable` is safe: the pages are read-only, the pointer never changes, and it is unmapped only
/// when no reference is left. A file that another process cuts short while it is mapped kills the reader by a
/// signal; artifacts are never written in place, so that the store doesn't do this.
public final class MappedFile: @unchecked Sendable {
    /// The file.
    public let path: FilePath
    /// All of it.
    ///
    /// Valid as long as this object lives.
    public let bytes: UnsafeRawBufferPointer

    /// Maps a whole file; one without bytes gives an empty buffer.
    public init(_ path: FilePath) throws(FileError) {
        let file = try FileSystem.openPlainFile(path, "map")
        defer { try? file.close() }
        var info = stat()
        guard fstat(file.rawValue, &info) == 0 else { throw FileError("map", path, Errno(rawValue: errno)) }
        self.path = path
        let size = Int(info.st_size)
        guard size > 0 else {
            bytes = UnsafeRawBufferPointer(start: nil, count: 0)
            return
        }
        guard let address = mmap(nil, size, PROT_READ, MAP_PRIVATE, file.rawValue, 0), address != MAP_FAILED
        else {
            throw FileError("map", path, Errno(rawValue: errno))
        }
        bytes = UnsafeRawBufferPointer(start: address, count: size)
    }

    /// Tells the kernel that these bytes will be read soon, or that they won't be read again.
    ///
    /// What isn't needed any more leaves this process's memory; reading it again is slow but right.
    public func advise(_ range: Range<Int>, isNeeded: Bool) {
        guard let base = bytes.baseAddress, !range.isEmpty else { return }
        let page = 4096
        // Whole pages only: a neighbour on the same page may still be wanted.
        let first = isNeeded ? range.lowerBound / page * page : (range.lowerBound + page - 1) / page * page
        let end = isNeeded ? range.upperBound : range.upperBound / page * page
        guard end > first else { return }
        _ = madvise(
            UnsafeMutableRawPointer(mutating: base + first), end - first,
            isNeeded ? MADV_WILLNEED : MADV_DONTNEED)
    }

    deinit {
        if let address = bytes.baseAddress { munmap(UnsafeMutableRawPointer(mutating: address), bytes.count) }
    }
}
