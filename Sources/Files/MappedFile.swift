public import SystemPackage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A file's bytes as memory, read from the disk only where they are touched.
///
/// `@unchecked Sendable` is safe: the pages are read-only, the pointer never changes, and it is unmapped only
/// when no reference is left. A file that another process cuts short while it is mapped kills the reader by a
/// signal; artifacts are never written in place, so that the store doesn't do this.
public final class MappedFile: @unchecked Sendable {
    /// The file.
    public let path: FilePath
    /// All of it.
    ///
    /// Valid as long as this object lives.
    public let bytes: UnsafeRawBufferPointer

    /// Maps a whole file; one without bytes gives an empty buffer.
    public init(_ path: FilePath) throws(FileError) {
        let file = try FileSystem.open(path, .readOnly, "map")
        defer { try? file.close() }
        var info = stat()
        guard fstat(file.rawValue, &info) == 0 else { throw FileError("map", path, Errno(rawValue: errno)) }
        guard info.st_mode & S_IFMT == S_IFREG else { throw FileError("map", path, .isDirectory) }
        self.path = path
        let size = Int(info.st_size)
        guard size > 0 else {
            bytes = UnsafeRawBufferPointer(start: nil, count: 0)
            return
        }
        guard let address = mmap(nil, size, PROT_READ, MAP_PRIVATE, file.rawValue, 0), address != MAP_FAILED
        else {
            throw FileError("map", path, Errno(rawValue: errno))
        }
        bytes = UnsafeRawBufferPointer(start: address, count: size)
    }

    deinit {
        if let address = bytes.baseAddress { munmap(UnsafeMutableRawPointer(mutating: address), bytes.count) }
    }
}
