internal import CArchive

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// What an archive says of one entry, before anything is believed.
struct ArchiveEntry {
    /// As they stand in the archive.
    let name: [UInt8]
    let isFolder: Bool
    /// Why the entry isn't taken, whatever its name; nil for files and folders.
    let objection: String?
    /// Nil where the archive tells it only behind the content.
    let size: Int?

    init(_ entry: OpaquePointer) {
        let text = archive_entry_pathname_utf8(entry) ?? archive_entry_pathname(entry)
        name =
            text.map { Array(UnsafeBufferPointer(start: $0, count: strlen($0))).map(UInt8.init(bitPattern:)) }
            ?? []
        let type = archive_entry_filetype(entry)
        // mode_t of S_IFREG and S_IFDIR: the C macros of libarchive are casts, which Swift doesn't import.
        isFolder = type == 0o040000
        if archive_entry_hardlink(entry) != nil {
            objection = "is a link to another file"
        } else if archive_entry_symlink(entry) != nil || type == 0o120000 {
            objection = "is a symbolic link"
        } else if type != 0o100000, !isFolder {
            objection = "is no file and no folder, but a device, a pipe or a socket"
        } else if archive_entry_sparse_count(entry) > 0 {
            objection = "is a file with holes"
        } else if archive_entry_is_encrypted(entry) != 0 {
            objection = "is encrypted"
        } else {
            objection = nil
        }
        size = archive_entry_size_is_set(entry) != 0 ? Int(archive_entry_size(entry)) : nil
    }
}
