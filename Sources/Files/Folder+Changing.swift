public import SystemPackage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

extension Folder {
    /// Removes a file, a link, or a folder with all it holds, at a place below.
    ///
    /// Links are removed, never followed, whatever happens to the tree meanwhile; what another file system has mounted
    /// there is an error and stays. Nothing there is fine.
    public func remove(_ place: FilePath) throws(FileError) {
        guard let (folder, name) = try existingHolder(of: place, "remove") else { return }
        try folder.removeEntry(name, mount: nil)
    }

    /// - Parameter mount: Where what is to be removed lies; nil at its top.
    private func removeEntry(_ name: FilePath.Component, mount: Mount?) throws(FileError) {
        if name.withPlatformString({ unlinkat(descriptor.rawValue, $0, 0) }) == 0 { return }
        let reason = Errno(rawValue: errno)
        if reason == .noSuchFileOrDirectory { return }
        // Other systems than Linux say that it isn't permitted.
        guard reason == .isDirectory || reason == .notPermitted else {
            throw FileError("remove", path.appending(name), reason)
        }
        let folder: Folder
        do {
            guard let found = try child(name, "remove") else { return }
            folder = found
        } catch {
            throw error.errno == .notDirectory ? FileError("remove", error.path, reason) : error
        }
        let own = folder.mount
        guard own == (mount ?? self.mount) else {
            throw FileError(
                "remove", folder.path, .resourceBusy,
                "another file system is mounted there, and what is on it stays. Unmount it first")
        }
        for name in try folder.names() { try folder.removeEntry(name, mount: own) }
        let result = name.withPlatformString { unlinkat(descriptor.rawValue, $0, AT_REMOVEDIR) }
        guard result == 0 || errno == ENOENT else {
            throw FileError("remove", folder.path, Errno(rawValue: errno))
        }
    }

    /// Which mount a folder is on; two on one disk differ too, where the kernel tells.
    private struct Mount: Equatable {
        let device: UInt
        let number: String?
    }

    private var mount: Mount {
        var info = stat()
        _ = fstat(descriptor.rawValue, &info)
        let facts = try? FileSystem.read(FilePath("/proc/self/fdinfo/\(descriptor.rawValue)"))
        let lines = facts.map { $0.split(separator: UInt8(ascii: "\n")) } ?? []
        let line = lines.first { $0.starts(with: "mnt_id:".utf8) }
        return Mount(device: UInt(info.st_dev), number: line.map { String(decoding: $0, as: UTF8.self) })
    }

    /// Renames what stands at a place below; a file at the target is replaced, a folder isn't.
    public func rename(_ place: FilePath, to other: Folder, _ target: FilePath) throws(FileError) {
        let (from, name) = try holder(of: place, "rename")
        let (to, newName) = try other.holder(of: target, "rename")
        let result = name.withPlatformString { name in
            newName.withPlatformString {
                renameat(from.descriptor.rawValue, name, to.descriptor.rawValue, $0)
            }
        }
        guard result == 0 else {
            throw FileError(
                "rename \(path.pushing(place)) to", other.path.pushing(target), Errno(rawValue: errno))
        }
    }

    /// Creates a file at a place below where nothing stands yet.
    public func create(
        _ place: FilePath, permissions: FilePermissions = .init(rawValue: 0o666)
    ) throws(FileError) -> FileDescriptor {
        let file = try openFile(
            place, .writeOnly, options: [.create, .exclusiveCreate], permissions: permissions, "write")
        guard let file else { throw FileError("write", path.pushing(place), .noSuchFileOrDirectory) }
        return file
    }

    /// Lets a plain file below be run as a program.
    public func makeExecutable(_ place: FilePath) throws(FileError) {
        guard let file = try openFile(place, .readOnly) else {
            throw FileError("change", path.pushing(place), .noSuchFileOrDirectory)
        }
        defer { try? file.close() }
        guard fchmod(file.rawValue, 0o755) == 0 else {
            throw FileError("change", path.pushing(place), Errno(rawValue: errno))
        }
    }

    /// As ``FileSystem/writeAtomically(to:parts:)``, at a place below; a link that stands there is replaced.
    public func writeAtomically(
        to place: FilePath, parts body: (borrowing FileSink) throws -> Void
    ) throws {
        let (folder, name) = try holder(of: place, "write")
        // With the file's own name, which an error shows; a long one leaves no room for more.
        let label = name.validText.flatMap { $0.utf8.count <= 200 ? "\($0)." : nil } ?? ""
        let number = String(UInt64.random(in: 0 ... .max), radix: 16)
        let temporary = FilePath(".\(label)\(getpid()).\(number).tmp")
        do {
            let file = try folder.create(temporary)
            defer { try? file.close() }
            try body(FileSink(file: file, path: path.pushing(place)))
            guard fsync(file.rawValue) == 0 else {
                throw FileError("write", path.pushing(place), Errno(rawValue: errno))
            }
            try folder.rename(temporary, to: folder, FilePath(root: nil, components: name))
        } catch {
            try? folder.remove(temporary)
            throw error
        }
        try folder.synchronize()
    }

    /// As ``FileSystem/writeAtomically(_:to:)-(_,FilePath)``, at a place below.
    public func writeAtomically(_ bytes: some Sequence<UInt8>, to place: FilePath) throws(FileError) {
        do {
            try writeAtomically(to: place) { sink in try sink.append(Array(bytes)) }
        } catch let error as FileError {
            throw error
        } catch {
            throw FileError("write", path.pushing(place), .ioError)
        }
    }

    /// Makes a link at a place below where nothing stands yet.
    public func symbolicLink(to target: FilePath, at place: FilePath) throws(FileError) {
        let (folder, name) = try holder(of: place, "link \(target) to")
        let result = target.withPlatformString { target in
            name.withPlatformString { symlinkat(target, folder.descriptor.rawValue, $0) }
        }
        guard result == 0 else {
            throw FileError("link \(target) to", path.pushing(place), Errno(rawValue: errno))
        }
    }

    /// Gives what stands at a place below a second name at another one, where nothing stands yet.
    public func link(_ place: FilePath, to other: FilePath) throws(FileError) {
        let (from, name) = try holder(of: place, "link")
        let (to, newName) = try holder(of: other, "link to")
        let result = name.withPlatformString { name in
            newName.withPlatformString {
                linkat(from.descriptor.rawValue, name, to.descriptor.rawValue, $0, 0)
            }
        }
        guard result == 0 else {
            throw FileError("link \(path.pushing(place)) to", path.pushing(other), Errno(rawValue: errno))
        }
    }

    /// Gives a file elsewhere a second name below; false where that can't be, as for ``FileSystem/hardLink(_:to:)``.
    ///
    /// The file is the very one at `source`: a link there isn't followed.
    public func hardLink(_ source: FilePath, to place: FilePath) throws(FileError) -> Bool {
        let (folder, name) = try holder(of: place, "link \(source) to")
        let result = source.withPlatformString { from in
            name.withPlatformString { linkat(AT_FDCWD, from, folder.descriptor.rawValue, $0, 0) }
        }
        if result == 0 { return true }
        let reason = Errno(rawValue: errno)
        switch reason {
        case .improperLink, .notPermitted, .notSupported, .noFunction, .tooManyLinks: return false
        default: throw FileError("link \(source) to", path.pushing(place), reason)
        }
    }
}

extension Folder {
    /// Gives the content of a file elsewhere a place below, in a file of its own; links at `source` are followed.
    ///
    /// The two share their blocks where the file system can do that: no time, no room, until one of them is changed.
    public func copy(_ source: FilePath, to place: FilePath) throws {
        if try clone(source, to: place) { return }
        try writeAtomically(to: place) { sink in
            try FileSystem.readParts(source) { try sink.append($0) }
        }
    }

    /// The same only where the blocks can be shared; else false, and nothing stands there.
    public func clone(_ source: FilePath, to place: FilePath) throws(FileError) -> Bool {
        let from = try FileSystem.openPlainFile(source, "read")
        defer { try? from.close() }
        let to = try create(place)
        defer { try? to.close() }
        // FICLONE of linux/fs.h, which has no number on other systems.
        guard ioctl(to.rawValue, 0x4004_9409, from.rawValue) == 0 else {
            try remove(place)
            return false
        }
        guard fsync(to.rawValue) == 0 else {
            throw FileError("write", path.pushing(place), Errno(rawValue: errno))
        }
        return true
    }
}
