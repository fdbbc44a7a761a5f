internal import Base
internal import CArchive
package import Files
package import SystemPackage

extension Unpacker {
    /// The name that a file has without its compression: `HumanEval.jsonl` for `HumanEval.jsonl.gz`; nil for names that
    /// promise no compressed single file.
    package static func nameWithoutCompression(_ name: String) -> String? {
        guard !isArchive(name) else { return nil }
        for end in [".gz", ".xz", ".zst"] {
            let isNamed = name.byteText.asciiLowercased.hasSuffix(end) && name.utf8.count > end.utf8.count
            if isNamed { return String(name.utf8.dropLast(end.utf8.count)) }
        }
        return nil
    }

    /// Whether a name promises an archive that ``unpack(_:into:)`` reads.
    package static func isArchive(_ name: String) -> Bool {
        let ends = [".tar", ".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar.zst", ".tzst", ".zip"]
        return ends.contains { name.byteText.asciiLowercased.hasSuffix($0) }
    }

    /// Takes the compression (gzip, xz or zstd) off a single file, whole or not at all.
    ///
    /// libarchive doesn't look at gzip's checksum, so that bytes of such a file have to be checked by a hash before,
    /// as those of downloads are.
    ///
    /// - Returns: The size of what results, in bytes.
    /// - Throws: `ArchiveError`; `FileError`.
    @discardableResult
    package func decompress(_ file: FilePath, to target: FilePath) throws -> Int {
        try decompress(file) { body in try FileSystem.writeAtomically(to: target, parts: body) }
    }

    /// The same at a place below a folder, in whose place no link is followed.
    @discardableResult
    package func decompress(_ file: FilePath, to place: FilePath, of folder: Folder) throws -> Int {
        try decompress(file) { body in try folder.writeAtomically(to: place, parts: body) }
    }

    private func decompress(
        _ file: FilePath, _ write: ((borrowing FileSink) throws -> Void) throws -> Void
    ) throws -> Int {
        guard let status = try FileSystem.status(file), status.kind == .file else {
            throw FileError("read", file, .noSuchFileOrDirectory)
        }
        guard status.size > 0 else { throw ArchiveError(file, .damaged, "It is empty.") }
        let source = try ReadHandle(file)
        try source.support("gzip", archive_read_support_filter_gzip(source.pointer))
        try source.support("xz", archive_read_support_filter_xz(source.pointer))
        try source.support("zstd", archive_read_support_filter_zstd(source.pointer))
        try source.support("plain streams", archive_read_support_format_raw(source.pointer))
        try source.check(file.withPlatformString { archive_read_open_filename(source.pointer, $0, 1 << 16) })
        var entry: OpaquePointer?
        guard archive_read_next_header(source.pointer, &entry) == ARCHIVE_OK else { throw source.damage }
        guard archive_filter_count(source.pointer) == 2 else {
            throw ArchiveError(
                file, .damaged, "It isn't compressed by gzip, xz or zstd once, as its name says.")
        }
        let limit = min(limits.bytes, limits.most(ofArchive: status.size))
        var total = 0
        func parts(_ sink: borrowing FileSink) throws {
            try withUnsafeTemporaryAllocation(byteCount: 1 << 16, alignment: 16) { buffer in
                while true {
                    let count = archive_read_data(source.pointer, buffer.baseAddress, buffer.count)
                    guard count >= 0 else { throw source.damage }
                    if count == 0 { break }
                    total += count
                    guard total <= limit else {
                        throw ArchiveError(
                            file, .tooLarge,
                            "It holds more than \(limit) bytes, too much for a file of its size.")
                    }
                    try sink.append(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
                }
            }
            guard archive_filter_bytes(source.pointer, -1) == Int64(status.size) else {
                throw ArchiveError(file, .damaged, "Something else stands behind its end.")
            }
        }
        try write(parts)
        return total
    }
}
