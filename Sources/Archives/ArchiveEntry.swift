package import Base
internal import CArchive
package import SystemPackage

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

/// The entries of an archive, one after the other.
protocol EntrySource {
    /// The next entry; nil behind the last.
    func next() throws -> ArchiveEntry?
    /// The next bytes of the entry's content; none at its end.
    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int
    /// Checks that nothing is missing and nothing stands behind the archive's end.
    func finish() throws
}

/// An archive that isn't unpacked, and why.
package struct ArchiveError: Failure, Sendable, Hashable {
    package var failureKind: FailureKind { .inputOutput }

    /// What kind of reason it is.
    package enum Code: Sendable, Hashable {
        /// It isn't an archive, isn't whole, or something else stands in it or behind it.
        case damaged
        /// It has an entry that could write where it shouldn't, or that is no plain file or folder.
        case unsafe
        /// It is larger in some way than the limits allow.
        case tooLarge
        /// It is of a kind that isn't read here.
        case unsupported
    }

    /// The archive.
    package let file: FilePath
    package let code: Code
    /// A sentence without the archive's name.
    package let reason: String

    init(_ file: FilePath, _ code: Code, _ reason: String) {
        self.file = file
        self.code = code
        self.reason = reason
    }

    package var description: String {
        "\(file) wasn't unpacked, and nothing of it is kept: \(reason)"
    }
}

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// One reader of libarchive, closed with the value; used by one thread.
final class ReadHandle {
    let pointer: OpaquePointer
    let file: FilePath

    init(_ file: FilePath) throws(ArchiveError) {
        guard let pointer = archive_read_new() else {
            throw ArchiveError(file, .unsupported, "There isn't enough memory to read it.")
        }
        self.pointer = pointer
        self.file = file
    }

    deinit { archive_read_free(pointer) }

    /// Switches a format or a compression on; libarchive would start another program where a library is missing.
    func support(_ name: String, _ code: CInt) throws(ArchiveError) {
        guard code == ARCHIVE_OK else {
            throw ArchiveError(file, .unsupported, "This machine's libarchive was built without \(name).")
        }
    }

    /// Refuses warnings too: a header that libarchive finds odd is one that others may read otherwise.
    func check(_ code: CInt) throws(ArchiveError) {
        guard code == ARCHIVE_OK else { throw damage }
    }

    /// What libarchive found wrong.
    var damage: ArchiveError {
        ArchiveError(file, .damaged, "It is damaged or not whole (\(message)).")
    }

    private var message: String {
        guard let text = archive_error_string(pointer) else { return "no reason given" }
        // The message may quote bytes of the archive.
        return String(String(cString: text).visible.unicodeScalars.prefix(200))
    }
}

/// Reads names as UTF-8 whatever the environment's locale, for this thread, until it goes away.
final class NameLocale {
    private let own: locale_t?
    private let earlier: locale_t?

    init() {
        own = newlocale(LC_CTYPE_MASK, "C.UTF-8", nil)
        earlier = own.flatMap { uselocale($0) }
    }

    deinit {
        if let earlier { uselocale(earlier) }
        if let own { freelocale(own) }
    }
}
