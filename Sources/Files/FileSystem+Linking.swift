public import SystemPackage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

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
