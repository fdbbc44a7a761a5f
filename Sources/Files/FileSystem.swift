public import SystemPackage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The file operations that the project needs, each with an error that names operation, path and cure.
public enum FileSystem {
    /// What stands at a path.
    public enum Kind: Sendable, Hashable { case file, folder, link, other }

    /// Facts about a file without opening it.
    public struct Status: Sendable, Hashable {
        public let kind: Kind
        /// Size in bytes.
        public let size: Int
    }

    /// The status of what stands at `path`; nil when nothing does.
    ///
    /// - Parameter followingLinks: Whether a symbolic link stands for what it points to.
    /// - Throws: `FileError` when the system can't tell, for example for lack of permission.
    public static func status(_ path: FilePath, followingLinks: Bool = true) throws(FileError) -> Status? {
        var info = stat()
        let result = path.withPlatformString { followingLinks ? stat($0, &info) : lstat($0, &info) }
        guard result == 0 else {
            let reason = Errno(rawValue: errno)
            if reason == .noSuchFileOrDirectory || reason == .notDirectory { return nil }
            throw FileError("look at", path, reason)
        }
        return Status(info)
    }

    /// Whether anything can be seen at `path`.
    public static func exists(_ path: FilePath) -> Bool {
        path.withPlatformString { access($0, F_OK) } == 0
    }

    /// The names in a folder, sorted by their bytes, without `.` and `..`.
    ///
    /// Names that are no UTF-8 have a replacement character that leads to nothing; ``Folder/names()`` has the bytes.
    public static func list(_ folder: FilePath) throws(FileError) -> [String] {
        try Folder(listing: folder).names().map { String(decoding: $0.bytes, as: UTF8.self) }
    }

    /// Creates a folder and those above it; one that is there already is fine.
    public static func createDirectory(_ path: FilePath) throws(FileError) {
        if path.withPlatformString({ mkdir($0, 0o777) }) == 0 { return }
        let reason = Errno(rawValue: errno)
        switch reason {
        case .fileExists:
            guard try status(path)?.kind == .folder else {
                throw FileError("create folder", path, .notDirectory)
            }
        case .noSuchFileOrDirectory:
            let parent = path.removingLastComponent()
            guard !parent.isEmpty, parent != path else { throw FileError("create folder", path, reason) }
            try createDirectory(parent)
            guard path.withPlatformString({ mkdir($0, 0o777) }) == 0 || errno == EEXIST else {
                throw FileError("create folder", path, Errno(rawValue: errno))
            }
        default: throw FileError("create folder", path, reason)
        }
    }

    /// Creates a folder in one that is there; false when something stands there already, so that of two
    /// processes only one gets it.
    public static func createNewDirectory(_ path: FilePath) throws(FileError) -> Bool {
        if path.withPlatformString({ mkdir($0, 0o777) }) == 0 { return true }
        let reason = Errno(rawValue: errno)
        guard reason == .fileExists else { throw FileError("create folder", path, reason) }
        return false
    }

    /// Removes a file or a folder with all it holds; links are removed, never followed.
    ///
    /// The path up to its last part is the caller's, links included; below, everything goes by descriptors
    /// (see ``Folder/remove(_:)``). Nothing there is fine.
    public static func remove(_ path: FilePath) throws(FileError) {
        guard let name = path.lastComponent, name.kind == .regular else {
            throw FileError("remove", path, .invalidArgument)
        }
        let folder: Folder
        do {
            folder = try Folder(path.removingLastComponent())
        } catch {
            if error.errno == .noSuchFileOrDirectory { return }
            throw FileError("remove", path, error.errno)
        }
        try folder.remove(FilePath(root: nil, components: name))
    }

    /// Renames a file or folder within one file system; a file at `target` is replaced.
    public static func rename(_ source: FilePath, to target: FilePath) throws(FileError) {
        let result = source.withPlatformString { from in
            target.withPlatformString { to in Self.rename(from, to) }
        }
        guard result == 0 else { throw FileError("rename \(source) to", target, Errno(rawValue: errno)) }
    }

    private static func rename(_ from: UnsafePointer<CChar>, _ to: UnsafePointer<CChar>) -> CInt {
        #if canImport(Glibc)
            Glibc.rename(from, to)
        #else
            Musl.rename(from, to)
        #endif
    }
}

extension FileSystem {
    /// Writes a file so that readers see the old content or the new one, never a part, even over a power cut.
    ///
    /// The bytes go to a temporary file in the same folder, which is flushed to the disk and renamed; then the
    /// folder is flushed. After an error the temporary file is gone and the old content is still there.
    public static func writeAtomically(_ bytes: some Sequence<UInt8>, to path: FilePath) throws(FileError) {
        do {
            try writeAtomically(to: path) { sink in try sink.append(Array(bytes)) }
        } catch let error as FileError {
            throw error
        } catch {
            throw FileError("write", path, .ioError)
        }
    }

    /// Writes text as UTF-8, atomically.
    public static func writeAtomically(_ text: String, to path: FilePath) throws(FileError) {
        try writeAtomically(text.utf8, to: path)
    }

    /// Flushes a file or folder to the disk.
    public static func synchronize(_ path: FilePath) throws(FileError) {
        let file = try open(path, .readOnly, "flush", options: .nonBlocking)
        defer { try? file.close() }
        guard fsync(file.rawValue) == 0 else { throw FileError("flush", path, Errno(rawValue: errno)) }
    }
}

extension FileSystem {
    /// Flushes an open file to the disk.
    ///
    /// - Parameter path: Names it in an error.
    public static func synchronize(_ file: FileDescriptor, _ path: FilePath) throws(FileError) {
        guard fsync(file.rawValue) == 0 else { throw FileError("flush", path, Errno(rawValue: errno)) }
    }
}

/// A line that is longer than its reader takes.
public struct LineTooLongError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The file.
    public let path: FilePath
    /// From 1.
    public let line: Int
    /// The most bytes that are read of one line.
    public let limit: Int

    public var description: String {
        "\(path):\(line): this line has more than \(limit) bytes, which is the most that is read."
    }
}

extension FileSystem {
    /// Gives a file's lines to `body` one after another, without their ends; one line is in memory at a time.
    ///
    /// The last line may lack its end; an empty rest isn't a line.
    /// - Parameter limit: The most bytes of a line.
    /// - Throws: `FileError`, ``LineTooLongError``, and what the body throws.
    public static func forEachLine(
        of path: FilePath, limit: Int = 1 << 28, _ body: (_ line: [UInt8], _ number: Int) throws -> Void
    ) throws {
        var line: [UInt8] = []
        var number = 1
        try readParts(path) { part in
            var start = 0
            while start < part.count {
                let end = part[start...].firstIndex(of: UInt8(ascii: "\n"))
                line += UnsafeRawBufferPointer(rebasing: part[start..<(end ?? part.count)])
                guard line.count <= limit else {
                    throw LineTooLongError(path: path, line: number, limit: limit)
                }
                guard let end else { break }
                try body(line, number)
                line.removeAll(keepingCapacity: true)
                number += 1
                start = end + 1
            }
        }
        if !line.isEmpty { try body(line, number) }
    }
}

extension FileSystem {
    /// Gives a file a second name; false where the two places are on different file systems, or theirs has no such
    /// links, or doesn't let this user make one.
    public static func hardLink(_ source: FilePath, to target: FilePath) throws(FileError) -> Bool {
        let result = source.withPlatformString { from in target.withPlatformString { link(from, $0) } }
        if result == 0 { return true }
        let reason = Errno(rawValue: errno)
        switch reason {
        case .improperLink, .notPermitted, .notSupported, .noFunction, .tooManyLinks: return false
        default: throw FileError("link \(source) to", target, reason)
        }
    }

    /// Where a path leads to, through all links.
    public static func target(of path: FilePath) throws(FileError) -> FilePath {
        guard let found = path.withPlatformString({ realpath($0, nil) }) else {
            throw FileError("follow", path, Errno(rawValue: errno))
        }
        defer { free(found) }
        return FilePath(platformString: found)
    }

    /// Makes a link at `place` that leads to `target`.
    public static func symbolicLink(to target: FilePath, at place: FilePath) throws(FileError) {
        let result = target.withPlatformString { target in place.withPlatformString { symlink(target, $0) } }
        guard result == 0 else { throw FileError("link \(target) to", place, Errno(rawValue: errno)) }
    }

    /// Gives a file a second name on the same file system; on one without hard links the file is moved.
    ///
    /// Either way `target` is there at once and whole.
    public static func linkOrMove(_ source: FilePath, to target: FilePath) throws(FileError) {
        let result = source.withPlatformString { from in target.withPlatformString { link(from, $0) } }
        if result == 0 { return }
        let reason = Errno(rawValue: errno)
        switch reason {
        case .notPermitted, .notSupported, .noFunction, .tooManyLinks: try rename(source, to: target)
        default: throw FileError("link \(source) to", target, reason)
        }
    }
}

/// Takes the parts of a file that is written piece by piece.
public struct FileSink: ~Copyable {
    let file: FileDescriptor
    let path: FilePath

    /// Appends bytes.
    public func append(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
        do {
            _ = try file.writeAll(bytes)
        } catch {
            throw FileError("write", path, error as? Errno ?? .ioError)
        }
    }

    /// Appends bytes.
    public func append(_ bytes: [UInt8]) throws(FileError) {
        do {
            _ = try file.writeAll(bytes)
        } catch {
            throw FileError("write", path, error as? Errno ?? .ioError)
        }
    }
}

extension FileSystem {
    /// As ``writeAtomically(_:to:)-(_,FilePath)`` for content that doesn't fit in memory: `body` appends the parts.
    public static func writeAtomically(
        to path: FilePath, parts body: (borrowing FileSink) throws -> Void
    ) throws {
        let folder = path.removingLastComponent()
        let name = path.lastComponent?.string ?? "file"
        let temporary = folder.appending(".\(name).\(getpid()).\(UInt32.random(in: 0 ... .max)).tmp")
        do {
            let file = try open(temporary, .writeOnly, "write", options: [.create, .exclusiveCreate])
            defer { try? file.close() }
            try body(FileSink(file: file, path: path))
            guard fsync(file.rawValue) == 0 else { throw FileError("write", path, Errno(rawValue: errno)) }
            try rename(temporary, to: path)
        } catch {
            try? remove(temporary)
            throw error
        }
        try synchronize(folder.isEmpty ? "." : folder)
    }
}

extension FileSystem {
    /// When a file or folder was last changed, in seconds since 1970; links stand for themselves, nil when nothing is
    /// there.
    public static func modificationTime(_ path: FilePath) throws(FileError) -> Int? {
        var info = stat()
        guard path.withPlatformString({ lstat($0, &info) }) == 0 else {
            let reason = Errno(rawValue: errno)
            if reason == .noSuchFileOrDirectory || reason == .notDirectory { return nil }
            throw FileError("look at", path, reason)
        }
        return Int(info.st_mtim.tv_sec)
    }

    /// A path that means the same from every folder.
    public static func absolute(_ path: FilePath) throws(FileError) -> FilePath {
        if path.isAbsolute { return path }
        guard let current = getcwd(nil, 0) else { throw FileError("find", path, Errno(rawValue: errno)) }
        defer { free(current) }
        return FilePath(platformString: current).pushing(path).lexicallyNormalized()
    }

    /// The bytes of a file, or of all files below a folder; links count for themselves.
    public static func totalSize(_ path: FilePath) throws(FileError) -> Int {
        guard let status = try status(path, followingLinks: false) else { return 0 }
        guard status.kind == .folder else { return status.size }
        var sum = 0
        for name in try Folder(listing: path).names() { sum += try totalSize(path.appending(name)) }
        return sum
    }
}

extension FileSystem {
    /// What tells whether a file may have other content than before, without reading it.
    public struct Facts: Sendable, Hashable {
        /// In bytes.
        public let size: Int
        /// The file's number on its file system.
        public let inode: UInt64
        /// When its content was last changed, as whoever changed it may say: seconds and nanoseconds since 1970.
        public let modified: String
        /// When anything of it was last changed, as the kernel says: seconds and nanoseconds since 1970.
        public let changed: String
    }

    /// The facts of a file; links are followed.
    public static func facts(_ path: FilePath) throws(FileError) -> Facts {
        var info = stat()
        guard path.withPlatformString({ stat($0, &info) }) == 0 else {
            throw FileError("look at", path, Errno(rawValue: errno))
        }
        return Facts(
            size: Int(info.st_size), inode: UInt64(info.st_ino),
            modified: "\(info.st_mtim.tv_sec).\(info.st_mtim.tv_nsec)",
            changed: "\(info.st_ctim.tv_sec).\(info.st_ctim.tv_nsec)")
    }
}
