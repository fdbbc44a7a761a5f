internal import Base
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
