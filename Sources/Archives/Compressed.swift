internal import Base
internal import CArchive
internal import Files
package import SystemPackage

/// A single file that may be compressed by gzip, xz or zstd.
package enum CompressedFile {
    /// The content of a file; what isn't compressed is given as it is.
    ///
    /// - Parameter limit: the most bytes that it may have; what a few compressed bytes become has a lower limit,
    ///   `MemoryBudget`'s.
    /// - Throws: `ArchiveError` for a compressed file that is damaged, cut off or too large; `FileError`.
    package static func read(_ file: FilePath, limit: Int = 4 << 30) throws -> [UInt8] {
        guard let status = try FileSystem.status(file) else {
            throw FileError("read", file, .noSuchFileOrDirectory)
        }
        guard isCompressed(try start(of: file)) else { return try FileSystem.read(file, limit: limit) }
        let limit = min(limit, MemoryBudget(fileBytes: status.size).limit)
        let handle = try ReadHandle(file)
        try handle.support("gzip", archive_read_support_filter_gzip(handle.pointer))
        try handle.support("xz", archive_read_support_filter_xz(handle.pointer))
        try handle.support("zstd", archive_read_support_filter_zstd(handle.pointer))
        try handle.support("plain streams", archive_read_support_format_raw(handle.pointer))
        try handle.check(
            file.withPlatformString { archive_read_open_filename(handle.pointer, $0, 1 << 16) })
        var entry: OpaquePointer?
        try handle.check(archive_read_next_header(handle.pointer, &entry))
        var content: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = archive_read_data(handle.pointer, &buffer, buffer.count)
            if count == 0 { break }
            guard count > 0 else { throw handle.damage }
            content += buffer[..<count]
            guard content.count <= limit else {
                throw ArchiveError(file, .tooLarge, "It holds more than \(limit) bytes.")
            }
        }
        guard archive_filter_bytes(handle.pointer, -1) == Int64(status.size) else {
            throw ArchiveError(file, .damaged, "Something else stands behind its end.")
        }
        return content
    }

    private static func start(of file: FilePath) throws -> [UInt8] {
        let mapped = try MappedFile(file)
        return withExtendedLifetime(mapped) { Array(mapped.bytes.prefix(6)) }
    }

    private static func isCompressed(_ start: [UInt8]) -> Bool {
        let signatures: [[UInt8]] = [
            [0x1F, 0x8B], [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00], [0x28, 0xB5, 0x2F, 0xFD],
        ]
        return signatures.contains { start.starts(with: $0) }
    }
}

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
