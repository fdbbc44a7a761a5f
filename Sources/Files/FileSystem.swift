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
