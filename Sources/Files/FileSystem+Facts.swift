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
        for name in try list(path) { sum += try totalSize(path.appending(name)) }
        return sum
    }
}
