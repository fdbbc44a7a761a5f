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
        let file = try FileSystem.openPlainFile(path, "map")
        defer { try? file.close() }
        var info = stat()
        guard fstat(file.rawValue, &info) == 0 else { throw FileError("map", path, Errno(rawValue: errno)) }
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

    /// Tells the kernel that these bytes will be read soon, or that they won't be read again.
    ///
    /// What isn't needed any more leaves this process's memory; reading it again is slow but right.
    public func advise(_ range: Range<Int>, isNeeded: Bool) {
        guard let base = bytes.baseAddress, !range.isEmpty else { return }
        let page = 4096
        // Whole pages only: a neighbour on the same page may still be wanted.
        let first = isNeeded ? range.lowerBound / page * page : (range.lowerBound + page - 1) / page * page
        let end = isNeeded ? range.upperBound : range.upperBound / page * page
        guard end > first else { return }
        _ = madvise(
            UnsafeMutableRawPointer(mutating: base + first), end - first,
            isNeeded ? MADV_WILLNEED : MADV_DONTNEED)
    }

    deinit {
        if let address = bytes.baseAddress { munmap(UnsafeMutableRawPointer(mutating: address), bytes.count) }
    }
}
