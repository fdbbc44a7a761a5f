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
