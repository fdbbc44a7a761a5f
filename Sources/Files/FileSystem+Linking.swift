public import SystemPackage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

extension FileSystem {
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
