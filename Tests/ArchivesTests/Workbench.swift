import Archives
import CArchive
import Files
import SystemPackage
import TestSupport
import Testing

/// A folder for archives and what comes out of them.
struct Workbench {
    let scratch: ScratchFolder
    var path: FilePath { scratch.path }

    init() throws { scratch = try ScratchFolder() }

    /// Unpacks bytes as a file of this name.
    func unpack(_ bytes: [UInt8], as name: String = "archive", limits: Unpacker.Limits = .init()) throws
        -> [Unpacker.File]
    {
        let file = path.appending(name)
        try FileSystem.writeAtomically(bytes, to: file)
        return try Unpacker(limits: limits).unpack(file, into: path.pushing("inner/out"))
    }

    /// Unpacks what must be refused, and checks that nothing is left of it anywhere.
    func refusal(
        _ bytes: [UInt8], as name: String = "archive", limits: Unpacker.Limits = .init(),
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> ArchiveError? {
        try FileSystem.createDirectory(path.appending("inner"))
        let error = #expect(throws: ArchiveError.self, sourceLocation: sourceLocation) {
            try unpack(bytes, as: name, limits: limits)
        }
        let left = try FileSystem.list(path) + FileSystem.list(path.appending("inner"))
        #expect(left.sorted() == [name, "inner"].sorted(), sourceLocation: sourceLocation)
        return error
    }

    enum Compression: String, CaseIterable { case gzip, xz, zstd }

    /// The bytes compressed by libarchive.
    static func compressed(_ bytes: [UInt8], _ compression: Compression) throws -> [UInt8] {
        let archive = try #require(archive_write_new())
        defer { archive_write_free(archive) }
        archive_write_set_format_raw(archive)
        switch compression {
        case .gzip: archive_write_add_filter_gzip(archive)
        case .xz: archive_write_add_filter_xz(archive)
        case .zstd: archive_write_add_filter_zstd(archive)
        }
        archive_write_set_bytes_in_last_block(archive, 1)
        var buffer = [UInt8](repeating: 0, count: bytes.count + (1 << 16))
        var used = 0
        try buffer.withUnsafeMutableBytes { room in
            try #require(
                archive_write_open_memory(archive, room.baseAddress, room.count, &used) == ARCHIVE_OK)
            let entry = try #require(archive_entry_new())
            defer { archive_entry_free(entry) }
            archive_entry_set_filetype(entry, 0o100000)
            archive_write_header(archive, entry)
            let written = bytes.withUnsafeBytes { archive_write_data(archive, $0.baseAddress, $0.count) }
            try #require(written == bytes.count)
            try #require(archive_write_close(archive) == ARCHIVE_OK)
        }
        return Array(buffer[..<used])
    }
}
