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
        let kind: Kind =
            switch info.st_mode & S_IFMT {
            case S_IFREG: .file
            case S_IFDIR: .folder
            case S_IFLNK: .link
            default: .other
            }
        return Status(kind: kind, size: Int(info.st_size))
    }

    /// Whether anything can be seen at `path`.
    public static func exists(_ path: FilePath) -> Bool {
        path.withPlatformString { access($0, F_OK) } == 0
    }

    /// The names in a folder, sorted by their bytes, without `.` and `..`.
    public static func list(_ folder: FilePath) throws(FileError) -> [String] {
        guard let stream = folder.withPlatformString({ opendir($0) }) else {
            throw FileError("list folder", folder, Errno(rawValue: errno))
        }
        defer { closedir(stream) }
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = readdir(stream) else {
                guard errno == 0 else { throw FileError("list folder", folder, Errno(rawValue: errno)) }
                break
            }
            // The name lies inside the C struct; its field is a tuple, which only has an address through a pointer.
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
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
    /// Nothing there is fine.
    public static func remove(_ path: FilePath) throws(FileError) {
        var info = stat()
        guard path.withPlatformString({ lstat($0, &info) }) == 0 else {
            let reason = Errno(rawValue: errno)
            if reason == .noSuchFileOrDirectory { return }
            throw FileError("remove", path, reason)
        }
        let isFolder = info.st_mode & S_IFMT == S_IFDIR
        if isFolder {
            for name in try list(path) { try remove(path.appending(name)) }
        }
        guard path.withPlatformString({ isFolder ? rmdir($0) : unlink($0) }) == 0 || errno == ENOENT else {
            throw FileError("remove", path, Errno(rawValue: errno))
        }
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
