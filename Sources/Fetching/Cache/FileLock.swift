internal import Files
internal import SystemPackage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The right to write one file of the cache, held by at most one process and by one download in it.
///
/// The kernel gives it back when its holder dies. huggingface_hub locks the same files in the same way (`flock`), so
/// that Python and this program keep out of each other's way.
final class FileLock {
    private let file: FileDescriptor

    private init(_ file: FileDescriptor) { self.file = file }

    deinit {
        // A child that another thread is starting may hold a copy of the descriptor until its exec.
        _ = flock(file.rawValue, LOCK_UN)
        try? file.close()
    }

    /// Takes a lock; nil while another holds it.
    static func attempt(_ path: FilePath) throws(FileError) -> FileLock? {
        try FileSystem.createDirectory(path.removingLastComponent())
        let file: FileDescriptor
        do {
            file = try FileDescriptor.open(
                path, .readWrite, options: [.create, .closeOnExec, .noFollow],
                permissions: FilePermissions(rawValue: 0o644))
        } catch {
            throw FileError("lock", path, error as? Errno ?? .ioError)
        }
        guard flock(file.rawValue, LOCK_EX | LOCK_NB) == 0 else {
            let reason = Errno(rawValue: errno)
            try? file.close()
            if reason == .wouldBlock || reason == .interrupted { return nil }
            throw FileError("lock", path, reason)
        }
        return FileLock(file)
    }
}
