internal import Base
internal import CArchive
internal import SystemPackage

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
