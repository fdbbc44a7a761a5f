internal import CArchive
internal import Files
public import SystemPackage

/// Unpacks archives of unknown origin: tar (plain, gzip, xz, zstd) and zip.
///
/// Only files and folders are made, in a fresh folder, with modes of their own; nothing that an archive says about
/// owners, modes, times or links is believed. An archive that isn't whole, that has anything behind its end, a name
/// twice, a path that leads out, or more of anything than the limits allow is refused as a whole.
public struct Unpacker: Sendable {
    /// A file that was unpacked.
    public struct File: Sendable, Hashable {
        /// Relative to the folder.
        public let path: String
        /// In bytes.
        public let size: Int
    }

    public let limits: Limits

    public init(limits: Limits = Limits()) { self.limits = limits }

    /// Unpacks an archive into a folder that isn't there yet; it appears when everything is in it.
    ///
    /// - Returns: The files, sorted by the bytes of their paths.
    /// - Throws: `ArchiveError`; `FileError`, also when something stands where the folder is to be. Nothing is left
    ///   behind then.
    @discardableResult
    public func unpack(_ file: FilePath, into folder: FilePath) throws -> [File] {
        guard try FileSystem.status(folder, followingLinks: false) == nil else {
            throw FileError("create folder", folder, .fileExists)
        }
        let name = folder.lastComponent?.string ?? "archive"
        let parent = folder.removingLastComponent()
        let temporary = parent.appending(".\(name).\(UInt32.random(in: 0 ... .max)).tmp")
        guard try FileSystem.createNewDirectory(temporary) else {
            throw FileError("create folder", temporary, .fileExists)
        }
        do {
            let files = try withExtendedLifetime(NameLocale()) {
                try fill(temporary, from: source(file), of: file)
            }
            try FileSystem.synchronize(temporary)
            try FileSystem.rename(temporary, to: folder)
            return files
        } catch {
            try? FileSystem.remove(temporary)
            throw error
        }
    }

    private func fill(_ folder: FilePath, from source: any EntrySource, of file: FilePath) throws -> [File] {
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
            let path = try EntryPath.path(entry.name, in: folder, limits)
            try FileSystem.createDirectory(entry.isFolder ? path.full : path.full.removingLastComponent())
            guard !entry.isFolder else { continue }
            guard entry.size ?? 0 <= left, entry.size ?? 0 >= 0 else { throw tooMany(file) }
            let size = try write(source, to: path.full, most: left, of: file)
            guard entry.size.map({ $0 == size }) ?? true else {
                throw ArchiveError(
                    file, .damaged, "Its entry \"\(EntryPath.shown(entry.name))\" isn't as long as it says.")
            }
            left -= size
            files.append(File(path: path.relative, size: size))
        }
        try source.finish()
        guard !files.isEmpty else { throw ArchiveError(file, .damaged, "It holds no files.") }
        return files.sorted { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
    }

    private func write(_ source: any EntrySource, to path: FilePath, most: Int, of file: FilePath) throws
        -> Int
    {
        let target: FileDescriptor
        do {
            target = try FileDescriptor.open(
                path, .writeOnly, options: [.create, .exclusiveCreate, .noFollow, .closeOnExec],
                permissions: FilePermissions(rawValue: 0o644))
        } catch {
            throw FileError("write", path, error as? Errno ?? .ioError)
        }
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
                    throw FileError("write", path, error as? Errno ?? .ioError)
                }
            }
            try FileSystem.synchronize(path)
            return size
        }
    }

    private func tooMany(_ file: FilePath) -> ArchiveError {
        ArchiveError(file, .tooLarge, "Its files have more than \(limits.bytes) bytes.")
    }
}

extension EntryPath {
    /// The place of an entry, and its name without what doesn't matter.
    static func path(_ name: [UInt8], in folder: FilePath, _ limits: Unpacker.Limits) throws -> (
        full: FilePath, relative: String
    ) {
        let relative = try parts(name, limits).joined(separator: "/")
        return (folder.pushing(FilePath(relative)), relative)
    }
}
