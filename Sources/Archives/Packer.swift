package import Base
internal import CArchive
package import Files
package import SystemPackage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Writes tar files compressed by zstd whose bytes depend on names and contents alone.
///
/// Entries are sorted by the bytes of their paths, all are plain files of mode 644 of user and group 0, changed at
/// the beginning of 1970, and the compression's level is fixed. Another version of libzstd may compress otherwise.
package enum Packer {
    /// A file to be packed.
    package struct Entry: Sendable {
        package enum Content: Sendable {
            case file(FilePath)
            /// A plain file below a folder, in whose place no link is followed.
            case below(Folder, FilePath)
            case bytes([UInt8])
        }

        /// Where it will be, relative to the archive.
        package let path: String
        package let content: Content

        package init(_ path: String, _ content: Content) {
            self.path = path
            self.content = content
        }
    }

    private static let level = "12"

    /// Writes an archive, whole or not at all; a file that is there is replaced.
    ///
    /// - Throws: `FileError`; `PackingError` where libarchive fails or a file grew or shrank meanwhile.
    package static func pack(_ entries: [Entry], into file: FilePath) throws {
        let folder = file.removingLastComponent()
        let name = file.lastComponent?.string ?? "archive"
        let temporary = folder.appending(".\(name).\(getpid()).\(UInt32.random(in: 0 ... .max)).tmp")
        do {
            try withExtendedLifetime(NameLocale()) {
                try write(
                    entries.sorted { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }, to: temporary,
                    file)
            }
            try FileSystem.synchronize(temporary)
            try FileSystem.rename(temporary, to: file)
        } catch {
            try? FileSystem.remove(temporary)
            throw error
        }
        try FileSystem.synchronize(folder.isEmpty ? "." : folder)
    }

    private static func write(_ entries: [Entry], to temporary: FilePath, _ file: FilePath) throws {
        guard let archive = archive_write_new() else { throw PackingError(file, "there isn't enough memory") }
        defer { archive_write_free(archive) }
        func check(_ code: CInt) throws {
            guard code != ARCHIVE_OK else { return }
            let reason = archive_errno(archive)
            if reason > 0 { throw FileError("write", file, Errno(rawValue: reason)) }
            throw PackingError(
                file, archive_error_string(archive).map { String(cString: $0) } ?? "no reason given")
        }
        try check(archive_write_set_format_pax_restricted(archive))
        try check(archive_write_add_filter_zstd(archive))
        try check(archive_write_set_filter_option(archive, "zstd", "compression-level", level))
        try check(temporary.withPlatformString { archive_write_open_filename(archive, $0) })
        for entry in entries {
            let size: Int
            let opened: FileDescriptor?
            switch entry.content {
            case .bytes(let bytes): (size, opened) = (bytes.count, nil)
            case .file(let path): (size, opened) = (try FileSystem.status(path)?.size ?? 0, nil)
            case .below(let folder, let place):
                guard let file = try folder.openFile(place) else {
                    throw FileError("read", folder.path.pushing(place), .noSuchFileOrDirectory)
                }
                (size, opened) = (Int(try file.seek(offset: 0, from: .end)), file)
                try file.seek(offset: 0, from: .start)
            }
            defer { try? opened?.close() }
            guard let header = archive_entry_new() else {
                throw PackingError(file, "there isn't enough memory")
            }
            defer { archive_entry_free(header) }
            archive_entry_set_pathname_utf8(header, entry.path)
            archive_entry_set_filetype(header, 0o100000)
            archive_entry_set_perm(header, 0o644)
            archive_entry_set_size(header, Int64(size))
            archive_entry_set_mtime(header, 0, 0)
            try check(archive_write_header(archive, header))
            var left = size
            func append(_ bytes: UnsafeRawBufferPointer) throws {
                left -= bytes.count
                guard left >= 0 else { throw PackingError(file, "\(entry.path) grew meanwhile") }
                let count = archive_write_data(archive, bytes.baseAddress, bytes.count)
                guard count == bytes.count else { return try check(count < 0 ? CInt(count) : ARCHIVE_FATAL) }
            }
            switch entry.content {
            case .bytes(let bytes): try bytes.withUnsafeBytes { try append($0) }
            case .file(let path): try FileSystem.readParts(path) { try append($0) }
            case .below(let folder, let place):
                if let opened {
                    try FileSystem.readParts(opened, folder.path.pushing(place)) { try append($0) }
                }
            }
            guard left == 0 else { throw PackingError(file, "\(entry.path) shrank meanwhile") }
        }
        try check(archive_write_close(archive))
    }
}

/// An archive that couldn't be written.
package struct PackingError: Failure, Sendable, Hashable {
    package var failureKind: FailureKind { .inputOutput }

    package let description: String

    init(_ file: FilePath, _ reason: String) { description = "\(file) wasn't written: \(reason)." }
}
