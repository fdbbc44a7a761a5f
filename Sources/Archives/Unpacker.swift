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
