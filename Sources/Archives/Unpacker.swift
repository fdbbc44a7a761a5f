internal import Base
internal import CArchive
package import Files
package import SystemPackage

/// Unpacks archives of unknown origin: tar (plain, gzip, xz, zstd) and zip.
///
/// Only files and folders are made, in a fresh folder, with modes of their own; nothing that an archive says about
/// owners, modes, times or links is believed. An archive that isn't whole, that has anything behind its end, a name
/// twice, a path that leads out, or more of anything than the limits allow is refused as a whole.
package struct Unpacker: Sendable {
    /// A file that was unpacked.
    package struct File: Sendable, Hashable {
        /// Relative to the folder.
        package let path: String
        /// In bytes.
        package let size: Int
    }

    package let limits: Limits

    package init(limits: Limits = Limits()) { self.limits = limits }

    /// Unpacks an archive into a folder that isn't there yet; it appears when everything is in it.
    ///
    /// - Returns: The files, sorted by the bytes of their paths.
    /// - Throws: `ArchiveError`; `FileError`, also when something stands where the folder is to be. Nothing is left
    ///   behind then.
    @discardableResult
    package func unpack(_ file: FilePath, into folder: FilePath) throws -> [File] {
        guard let name = folder.lastComponent, name.kind == .regular else {
            throw FileError("create folder", folder, .invalidArgument)
        }
        return try unpack(
            file, into: FilePath(root: nil, components: name), of: try Folder(folder.removingLastComponent()))
    }

    /// The same at a place below a folder, in whose place no link is followed.
    ///
    /// - Parameters:
    ///   - name: What the archive is called, which tells its kind; as the file is called when nil.
    ///   - place: Relative; the folders above it are made.
    @discardableResult
    package func unpack(
        _ file: FilePath, named name: String? = nil, into place: FilePath, of outer: Folder
    ) throws -> [File] {
        let name = name ?? file.lastComponent?.string ?? ""
        guard try outer.status(place) == nil else {
            throw FileError("create folder", outer.path.pushing(place), .fileExists)
        }
        let above = place.removingLastComponent()
        let parent = above.isEmpty ? outer : try outer.makeFolder(above)
        let temporary = FilePath(".\(String(UInt64.random(in: 0 ... .max), radix: 16)).tmp")
        guard try parent.makeNewFolder(temporary), let folder = try parent.folder(temporary) else {
            throw FileError("create folder", parent.path.pushing(temporary), .fileExists)
        }
        do {
            let files = try withExtendedLifetime(NameLocale()) {
                try fill(folder, from: source(file, named: name), of: file)
            }
            try folder.synchronize()
            try parent.rename(temporary, to: outer, place)
            return files
        } catch {
            try? parent.remove(temporary)
            throw error
        }
    }

    private func fill(_ folder: Folder, from source: any EntrySource, of file: FilePath) throws -> [File] {
        var files: [File] = []
        var names = EntryNames()
        var left = limits.bytes
        while let entry = try source.next() {
            do throws(EntryPath.Refusal) {
                let parts = try EntryPath.parts(entry.name, limits)
                if let objection = entry.objection { throw .init(reason: objection) }
                if parts.isEmpty {
                    guard entry.isFolder else { throw .init(reason: "has no name") }
                    continue
                }
                try names.add(parts, isFolder: entry.isFolder)
            } catch {
                throw ArchiveError(
                    file, .unsafe, "Its entry \"\(EntryPath.shown(entry.name))\" \(error.reason).")
            }
            guard names.count <= limits.entries else {
                throw ArchiveError(file, .tooLarge, "It has more than \(limits.entries) files and folders.")
            }
            let name = try EntryPath.parts(entry.name, limits).joined(separator: "/")
            // Whatever a name may mean to the kernel, what is made is below the folder.
            let path = FilePath(name)
            let above = entry.isFolder ? path : path.removingLastComponent()
            if !above.isEmpty { try folder.makeFolder(above) }
            guard !entry.isFolder else { continue }
            guard entry.size ?? 0 <= left, entry.size ?? 0 >= 0 else { throw tooMany(file) }
            let size = try write(source, to: path, in: folder, most: left, of: file)
            guard entry.size.map({ $0 == size }) ?? true else {
                throw ArchiveError(
                    file, .damaged, "Its entry \"\(EntryPath.shown(entry.name))\" isn't as long as it says.")
            }
            left -= size
            files.append(File(path: name, size: size))
        }
        try source.finish()
        guard !files.isEmpty else { throw ArchiveError(file, .damaged, "It holds no files.") }
        return files.sorted { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
    }

    private func write(
        _ source: any EntrySource, to path: FilePath, in folder: Folder, most: Int, of file: FilePath
    ) throws -> Int {
        let target = try folder.create(path, permissions: FilePermissions(rawValue: 0o644))
        defer { try? target.close() }
        return try withUnsafeTemporaryAllocation(byteCount: 1 << 16, alignment: 16) { buffer in
            var size = 0
            while true {
                let count = try source.read(into: buffer)
                if count == 0 { break }
                size += count
                guard size <= most else { throw tooMany(file) }
                do {
                    try target.writeAll(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
                } catch {
                    throw FileError("write", folder.path.pushing(path), error as? Errno ?? .ioError)
                }
            }
            try FileSystem.synchronize(target, folder.path.pushing(path))
            return size
        }
    }

    private func tooMany(_ file: FilePath) -> ArchiveError {
        ArchiveError(file, .tooLarge, "Its files have more than \(limits.bytes) bytes.")
    }
}

/// The names that were seen in an archive, so that none comes twice.
struct EntryNames {
    private enum Kind { case file, folder, impliedFolder }
    /// By the name as systems see it that don't tell cases apart; Swift's strings don't tell Unicode forms apart.
    private var seen: [String: (exact: String, kind: Kind)] = [:]

    var count: Int { seen.count }

    /// Notes an entry and the folders that it is in.
    mutating func add(_ parts: [String], isFolder: Bool) throws(EntryPath.Refusal) {
        for end in 1..<max(1, parts.count) {
            let path = parts[..<end].joined(separator: "/")
            guard let known = seen[path.lowercased()] else {
                seen[path.lowercased()] = (path, .impliedFolder)
                continue
            }
            try compare(known.exact, path)
            guard known.kind != .file else { throw .init(reason: "lies in \(path), which is a file") }
        }
        let path = parts.joined(separator: "/")
        if let known = seen[path.lowercased()] {
            try compare(known.exact, path)
            guard known.kind == .impliedFolder, isFolder else { throw .init(reason: "is there twice") }
        }
        seen[path.lowercased()] = (path, isFolder ? .folder : .file)
    }

    private func compare(_ known: String, _ path: String) throws(EntryPath.Refusal) {
        guard known.utf8.elementsEqual(path.utf8) else {
            throw .init(
                reason: "has a name that differs from \(known) only in case or in the form of its letters")
        }
    }
}

extension Unpacker {
    /// How large an archive may be in each way; what is beyond is refused.
    package struct Limits: Sendable, Hashable {
        /// Bytes of all files together.
        package var bytes: Int
        /// Files and folders.
        package var entries: Int
        /// How many times as large as the archive its content may be; small archives may give 16 MiB in any case.
        package var ratio: Int
        /// Folders within folders.
        package var depth: Int
        /// Bytes of one path.
        package var pathBytes: Int
        /// Bytes of what stands before an entry's content.
        package var headerBytes: Int

        /// Limits that data sets and results stay below by far.
        package init(
            bytes: Int = 64 << 30, entries: Int = 200_000, ratio: Int = 200, depth: Int = 32,
            pathBytes: Int = 1024, headerBytes: Int = 64 << 10
        ) {
            self.bytes = bytes
            self.entries = entries
            self.ratio = ratio
            self.depth = depth
            self.pathBytes = pathBytes
            self.headerBytes = headerBytes
        }

        /// The most bytes that an archive of this size may hold, headers included.
        func most(ofArchive size: Int) -> Int {
            let byRatio = size.multipliedReportingOverflow(by: ratio)
            let most = byRatio.overflow ? Int.max : byRatio.partialValue
            return max(most, 16 << 20)
        }
    }
}

/// A path in an archive that stays inside, and that every system takes for the same file.
enum EntryPath {
    /// Why a name isn't taken, as the end of a sentence that begins with the name.
    struct Refusal: Error { let reason: String }

    /// The parts of a path; none for the folder of the archive itself.
    static func parts(_ name: [UInt8], _ limits: Unpacker.Limits) throws(Refusal) -> [String] {
        guard !name.isEmpty else { throw Refusal(reason: "has no name") }
        guard name.count <= limits.pathBytes else {
            throw Refusal(reason: "has a path of \(name.count) bytes; the limit is \(limits.pathBytes)")
        }
        guard let text = String(validating: name, as: UTF8.self) else {
            throw Refusal(reason: "has a name that isn't UTF-8")
        }
        guard name.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
            throw Refusal(reason: "has a control character in its name")
        }
        guard !name.contains(UInt8(ascii: "\\")) else {
            throw Refusal(reason: "has a backslash in its name, which separates folders on other systems")
        }
        guard name[0] != UInt8(ascii: "/") else { throw Refusal(reason: "has an absolute path") }
        // By bytes, as the kernel: "/" beside a combining mark separates too.
        let parts = text.byteText.split("/").filter { $0 != "." }
        guard parts.first.map({ $0.count != 2 || $0.bytes.last != UInt8(ascii: ":") }) ?? true else {
            throw Refusal(reason: "begins with the drive of another system")
        }
        guard !parts.contains("..") else { throw Refusal(reason: "leads out of its folder") }
        guard parts.allSatisfy({ $0.count <= 255 }) else {
            throw Refusal(reason: "has a name of more than 255 bytes")
        }
        guard parts.count <= limits.depth else {
            throw Refusal(reason: "lies \(parts.count) folders deep; the limit is \(limits.depth)")
        }
        return parts.map(\.text)
    }

    /// A name for messages: short, without what a terminal would act on.
    static func shown(_ name: [UInt8]) -> String {
        let text = String(decoding: name.prefix(400), as: UTF8.self).visible.unicodeScalars
        return text.count > 80 ? String(text.prefix(79)) + "…" : String(text)
    }
}

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
