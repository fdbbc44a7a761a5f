public import SystemPackage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

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
