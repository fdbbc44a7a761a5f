internal import Files
internal import SystemPackage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A file that is being downloaded, hashed as it grows.
///
/// Whoever holds one holds the lock of its download too.
final class PartFile {
    let path: FilePath
    private let file: FileDescriptor
    /// Bytes that are on the disk and in the hash.
    private(set) var count = 0
    private var hash: SHA256? = SHA256()

    /// Opens a part, making it if it isn't there; what it holds counts only after ``takeOver()``.
    init(_ path: FilePath) throws(FileError) {
        self.path = path
        try FileSystem.createDirectory(path.removingLastComponent())
        do {
            file = try FileDescriptor.open(
                path, .readWrite, options: [.create, .closeOnExec, .noFollow],
                permissions: FilePermissions(rawValue: 0o644))
        } catch {
            throw FileError("write", path, error as? Errno ?? .ioError)
        }
    }

    deinit { try? file.close() }

    /// Takes what an earlier process left: all of it is hashed again.
    func takeOver() throws(FileError) {
        do {
            var buffer = [UInt8](repeating: 0, count: 1 << 20)
            while true {
                let read = try buffer.withUnsafeMutableBytes { bytes in
                    try file.read(fromAbsoluteOffset: Int64(count), into: bytes)
                }
                if read == 0 { break }
                buffer.withUnsafeBytes { hash?.update(UnsafeRawBufferPointer(rebasing: $0[..<read])) }
                count += read
            }
        } catch {
            throw FileError("read", path, error as? Errno ?? .ioError)
        }
    }

    /// Forgets everything.
    func startOver() throws(FileError) {
        guard ftruncate(file.rawValue, 0) == 0 else { throw FileError("write", path, Errno(rawValue: errno)) }
        count = 0
        hash = SHA256()
    }

    func append(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
        do {
            try file.writeAll(toAbsoluteOffset: Int64(count), bytes)
        } catch {
            // What part of it has been written isn't known; it isn't counted and is written over.
            throw FileError("write", path, error as? Errno ?? .ioError)
        }
        hash?.update(bytes)
        count += bytes.count
    }

    /// Flushes the whole file and gives its SHA-256; nothing may be appended after that but through ``startOver()``.
    func finish() throws(FileError) -> String {
        // A write that failed in the middle may have left more than was counted.
        guard ftruncate(file.rawValue, count) == 0, fsync(file.rawValue) == 0 else {
            throw FileError("write", path, Errno(rawValue: errno))
        }
        guard let hash = hash.take() else { return "" }
        return SHA256.hex(hash.finalize())
    }
}
