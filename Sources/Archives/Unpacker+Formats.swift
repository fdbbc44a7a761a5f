internal import Base
internal import CArchive
internal import Files
internal import SystemPackage

extension Unpacker {
    /// What reads an archive: decided by its first bytes, which its name must not contradict.
    func source(_ file: FilePath, named name: String) throws -> any EntrySource {
        guard let status = try FileSystem.status(file) else {
            throw FileError("read", file, .noSuchFileOrDirectory)
        }
        guard status.kind == .file else {
            throw ArchiveError(file, .unsupported, "It is no plain file.")
        }
        guard status.size > 0 else { throw ArchiveError(file, .damaged, "It is empty.") }
        let mapped = try MappedFile(file)
        let isZip = withExtendedLifetime(mapped) { mapped.bytes.starts(with: Array("PK".utf8)) }
        let source: any EntrySource
        let form: Form
        if isZip {
            source = try LimitedZip(
                ZipSource(file, size: status.size), file: file, limit: limits.most(ofArchive: status.size))
            form = .zip
        } else {
            let tar = try TarSource(file, size: status.size, limits: limits)
            source = tar
            form = Form(compression: tar.compression)
        }
        if let named = Form(name: name), named != form {
            throw ArchiveError(
                file, .damaged, "Its name says that it is \(named.rawValue), but it is \(form.rawValue).")
        }
        return source
    }

    /// The kinds of archives.
    private enum Form: String {
        case plain = "a tar file"
        case gzip = "a tar file compressed by gzip"
        case xz = "a tar file compressed by xz"
        case zstd = "a tar file compressed by zstd"
        case zip = "a zip file"

        init(compression: String) {
            self =
                switch compression {
                case "gzip": .gzip
                case "xz": .xz
                case "zstd": .zstd
                default: .plain
                }
        }

        /// What the end of a file's name promises; nil for other names.
        init?(name: String) {
            let ends: [(Form, [String])] = [
                (.plain, [".tar"]), (.gzip, [".tar.gz", ".tgz"]), (.xz, [".tar.xz", ".txz"]),
                (.zstd, [".tar.zst", ".tzst"]), (.zip, [".zip"]),
            ]
            let name = name.byteText.asciiLowercased
            guard let form = ends.first(where: { $0.1.contains { name.hasSuffix($0) } })?.0 else {
                return nil
            }
            self = form
        }
    }
}

/// A zip whose content is counted as it comes.
private final class LimitedZip: EntrySource {
    private let zip: ZipSource
    private let file: FilePath
    private let limit: Int
    private var total = 0

    init(_ zip: ZipSource, file: FilePath, limit: Int) {
        self.zip = zip
        self.file = file
        self.limit = limit
    }

    func next() throws -> ArchiveEntry? { try zip.next() }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        let count = try zip.read(into: buffer)
        total += count
        guard total <= limit else {
            throw ArchiveError(
                file, .tooLarge, "It holds more than \(limit) bytes, too much for an archive of its size.")
        }
        return count
    }

    func finish() throws { try zip.finish() }
}

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

/// A tar file, plain or compressed by gzip, xz or zstd.
///
/// It is read by two readers: one that takes off the compression, one that reads the tar. So what comes between
/// them can be counted while it comes, and its end can be looked at: libarchive alone takes an archive that was cut
/// off between two entries for a whole one, and doesn't look at what stands behind the end.
final class TarSource: EntrySource {
    private let compressed: ReadHandle
    private let tar: ReadHandle
    private let flow: Flow
    private let size: Int
    private let limits: Unpacker.Limits

    /// - Parameter size: Of the archive in bytes.
    init(_ file: FilePath, size: Int, limits: Unpacker.Limits) throws(ArchiveError) {
        self.size = size
        self.limits = limits
        compressed = try ReadHandle(file)
        try compressed.support("gzip", archive_read_support_filter_gzip(compressed.pointer))
        try compressed.support("xz", archive_read_support_filter_xz(compressed.pointer))
        try compressed.support("zstd", archive_read_support_filter_zstd(compressed.pointer))
        try compressed.support("plain streams", archive_read_support_format_raw(compressed.pointer))
        let pointer = compressed.pointer
        try compressed.check(file.withPlatformString { archive_read_open_filename(pointer, $0, 1 << 16) })
        var entry: OpaquePointer?
        guard archive_read_next_header(compressed.pointer, &entry) == ARCHIVE_OK else {
            throw compressed.damage
        }
        let count = archive_filter_count(compressed.pointer)
        guard count <= 2 else {
            throw ArchiveError(file, .unsafe, "It is compressed \(count - 1) times over.")
        }
        flow = Flow(compressed, limit: limits.most(ofArchive: size))
        tar = try ReadHandle(file)
        try tar.support("tar", archive_read_support_format_tar(tar.pointer))
        let opened = archive_read_open(
            tar.pointer, Unmanaged.passUnretained(flow).toOpaque(), nil,
            { _, flow, bytes in
                guard let flow, let bytes else { return -1 }
                return Unmanaged<Flow>.fromOpaque(flow).takeUnretainedValue().next(bytes)
            }, nil)
        try check(opened)
    }

    /// The name of the compression: "none", "gzip", "xz", "zstd".
    var compression: String {
        archive_filter_count(compressed.pointer) > 1
            ? String(cString: archive_filter_name(compressed.pointer, 0)) : "none"
    }

    func next() throws -> ArchiveEntry? {
        var entry: OpaquePointer?
        let code = archive_read_next_header(tar.pointer, &entry)
        if code == ARCHIVE_EOF { return nil }
        try check(code)
        guard let entry else { throw tar.damage }
        let header = Int(archive_filter_bytes(tar.pointer, 0) - archive_read_header_position(tar.pointer))
        guard header <= limits.headerBytes else {
            throw ArchiveError(
                tar.file, .tooLarge,
                "One of its headers has \(header) bytes; the limit is \(limits.headerBytes).")
        }
        return ArchiveEntry(entry)
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        let count = archive_read_data(tar.pointer, buffer.baseAddress, buffer.count)
        if count < 0 { try check(CInt(count)) }
        return count
    }

    func finish() throws {
        let end = Int(archive_read_header_position(tar.pointer))
        var bytes: UnsafeRawPointer?
        while true {
            let count = flow.next(&bytes)
            if count == 0 { break }
            if count < 0 { try check(ARCHIVE_FATAL) }
        }
        if let failure = flow.failure { throw failure }
        guard flow.total >= end + 1024 else {
            throw ArchiveError(tar.file, .damaged, "Its end is missing.")
        }
        guard flow.textEnd <= end, archive_filter_bytes(compressed.pointer, -1) == Int64(size) else {
            throw ArchiveError(tar.file, .damaged, "Something else stands behind its end.")
        }
    }

    /// The flow's own failure comes first: libarchive only knows that no more bytes came.
    private func check(_ code: CInt) throws(ArchiveError) {
        guard code != ARCHIVE_OK else { return }
        throw flow.failure ?? tar.damage
    }
}

/// The bytes between the two readers.
private final class Flow {
    private let source: ReadHandle
    private let limit: Int
    /// How many came.
    private(set) var total = 0
    /// Where the last of them stands that isn't zero, plus one.
    private(set) var textEnd = 0
    private(set) var failure: ArchiveError?

    init(_ source: ReadHandle, limit: Int) {
        self.source = source
        self.limit = limit
    }

    /// The next bytes; 0 at the end, -1 after a failure.
    func next(_ bytes: UnsafeMutablePointer<UnsafeRawPointer?>) -> Int {
        guard failure == nil else { return -1 }
        var (start, count, offset) = (UnsafeRawPointer?.none, 0, Int64(0))
        let code = archive_read_data_block(source.pointer, &start, &count, &offset)
        if code == ARCHIVE_EOF { return 0 }
        guard code == ARCHIVE_OK else {
            failure = source.damage
            return -1
        }
        let block = UnsafeRawBufferPointer(start: start, count: count)
        if let last = block.lastIndex(where: { $0 != 0 }) { textEnd = total + last + 1 }
        total += count
        guard total <= limit else {
            failure = ArchiveError(
                source.file, .tooLarge,
                "It holds more than \(limit) bytes, too much for an archive of its size.")
            return -1
        }
        bytes.pointee = start
        // An empty block isn't the end, but would be taken for it.
        return count > 0 ? count : next(bytes)
    }
}
