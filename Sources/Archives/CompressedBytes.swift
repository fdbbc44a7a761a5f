internal import CArchive
package import SystemPackage

/// A compressed stream that lies in memory, such as a page of a columnar file.
package enum CompressedBytes {
    /// The compressions that are expanded.
    package enum Compression: String, Sendable, Hashable {
        case gzip, zstd
    }

    /// The content of one compressed stream.
    ///
    /// - Parameters:
    ///   - count: how many bytes it has; any other number is an error.
    ///   - file: where the bytes come from, for errors.
    /// - Throws: `ArchiveError` for a stream that is damaged, or shorter or longer than it should be.
    package static func expand(
        _ bytes: ArraySlice<UInt8>, _ compression: Compression, count: Int, of file: FilePath
    ) throws(ArchiveError) -> [UInt8] {
        // libarchive takes a stream without content for one of no known kind.
        if count == 0 { return [] }
        let handle = try ReadHandle(file)
        let code =
            switch compression {
            case .gzip: archive_read_support_filter_gzip(handle.pointer)
            case .zstd: archive_read_support_filter_zstd(handle.pointer)
            }
        try handle.support(compression.rawValue, code)
        try handle.support("plain streams", archive_read_support_format_raw(handle.pointer))
        do {
            return try bytes.withUnsafeBytes { source in
                try handle.check(archive_read_open_memory(handle.pointer, source.baseAddress, source.count))
                return try content(of: handle, count: count)
            }
        } catch let error as ArchiveError {
            throw error
        } catch {
            throw ArchiveError(file, .damaged, "\(error)")
        }
    }

    private static func content(of handle: ReadHandle, count: Int) throws(ArchiveError) -> [UInt8] {
        var entry: OpaquePointer?
        try handle.check(archive_read_next_header(handle.pointer, &entry))
        // Bytes that no filter took would be given as they are.
        guard archive_filter_count(handle.pointer) == 2 else {
            throw ArchiveError(handle.file, .damaged, "A part of it isn't compressed as it says.")
        }
        // Grows with what is really there: the count is only what the file says.
        var content: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let read = archive_read_data(handle.pointer, &buffer, buffer.count)
            if read == 0 { break }
            guard read > 0 else { throw handle.damage }
            content += buffer[..<read]
            guard content.count <= count else { break }
        }
        guard content.count == count else {
            throw ArchiveError(
                handle.file, .damaged, "A compressed part doesn't have the \(count) bytes that it should.")
        }
        return content
    }
}
