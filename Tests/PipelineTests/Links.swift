import Files
import SystemPackage
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Makes a symbolic link.
func link(_ target: FilePath, at path: FilePath) throws {
    let result = target.withPlatformString { target in path.withPlatformString { symlink(target, $0) } }
    try #require(result == 0)
}

/// Sets when a file or folder was last changed.
func touch(_ path: FilePath, secondsSince1970 seconds: Int) throws {
    let time = timespec(tv_sec: seconds, tv_nsec: 0)
    let result = path.withPlatformString { utimensat(AT_FDCWD, $0, [time, time], AT_SYMLINK_NOFOLLOW) }
    try #require(result == 0)
}
