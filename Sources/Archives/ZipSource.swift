internal import CArchive
internal import Files
internal import SystemPackage

/// A zip file, read by its list at the end; what the list doesn't account for is refused.
final class ZipSource: EntrySource {
    private let zip: ReadHandle

    init(_ file: FilePath, size: Int) throws {
        try ZipEnd.check(file, size: size)
        zip = try ReadHandle(file)
        try zip.support("zip", archive_read_support_format_zip_seekable(zip.pointer))
        let pointer = zip.pointer
        try zip.check(file.withPlatformString { archive_read_open_filename(pointer, $0, 1 << 16) })
    }

    func next() throws -> ArchiveEntry? {
        var entry: OpaquePointer?
        let code = archive_read_next_header(zip.pointer, &entry)
        if code == ARCHIVE_EOF { return nil }
        try zip.check(code)
        guard let entry else { throw zip.damage }
        return ArchiveEntry(entry)
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        let count = archive_read_data(zip.pointer, buffer.baseAddress, buffer.count)
        if count < 0 { throw zip.damage }
        return count
    }

    func finish() throws {}
}

/// The record at the end of a zip file that says where its list is.
private enum ZipEnd {
    private static let length = 22

    /// Whether the file is a zip from its first byte to its last.
    static func check(_ file: FilePath, size: Int) throws {
        let mapped = try MappedFile(file)
        try withExtendedLifetime(mapped) { try check(mapped.bytes, file, size: size) }
    }

    private static func check(_ bytes: UnsafeRawBufferPointer, _ file: FilePath, size: Int) throws {
        func damage(_ reason: String) -> ArchiveError { ArchiveError(file, .damaged, reason) }
        guard bytes.count == size, size >= length else { throw damage("Its end is missing.") }
        func number(_ at: Int, _ count: Int) -> Int {
            (0..<count).reduce(0) { $0 | Int(bytes[at + $1]) << (8 * $1) }
        }
        let first = max(0, size - length - 0xFFFF)
        guard
            let end = stride(from: size - length, through: first, by: -1).first(where: {
                number($0, 4) == 0x0605_4B50
            })
        else { throw damage("Its end is missing.") }
        guard end + length + number(end + 20, 2) == size else {
            throw damage("Something else stands behind its end.")
        }
        let (listSize, listStart) = (number(end + 12, 4), number(end + 16, 4))
        // The large form has these numbers elsewhere; libarchive finds them.
        guard listStart != 0xFFFF_FFFF, listSize != 0xFFFF_FFFF else { return }
        guard listStart + listSize == end else {
            throw damage("Its list of files isn't where its end says.")
        }
    }
}
