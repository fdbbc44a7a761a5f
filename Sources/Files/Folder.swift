public import SystemPackage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A folder that is held open: what is below it is reached by names, one after another, and never through a link.
///
/// A path means whatever its links and ".." lead to at that moment; a descriptor means one folder. Whatever is written,
/// renamed or removed at a place that somebody else can choose (names in an archive, a lock file or a listing; a store
/// that came with a cloned repository) goes through this type. Paths are relative, and each part is a plain name.
public final class Folder: Sendable {
    /// How it was reached, for messages only.
    public let path: FilePath
    let descriptor: FileDescriptor

    /// Opens a folder whose path the user gave; links in it are the user's and are followed.
    ///
    /// - Throws: `FileError`, also where no folder stands there.
    public convenience init(_ path: FilePath) throws(FileError) {
        let place = path.isEmpty ? FilePath(".") : path
        self.init(place, try FileSystem.open(place, .readOnly, "open folder", options: .directory))
    }

    /// The same for a list of names, whose errors say so.
    convenience init(listing path: FilePath) throws(FileError) {
        let place = path.isEmpty ? FilePath(".") : path
        self.init(place, try FileSystem.open(place, .readOnly, "list folder", options: .directory))
    }

    private init(_ path: FilePath, _ descriptor: FileDescriptor) {
        self.path = path
        self.descriptor = descriptor
    }

    deinit { try? descriptor.close() }

    /// The folder at a place below; nil where nothing stands there.
    ///
    /// - Throws: `FileError`, also where a link or a file stands in the way.
    public func folder(_ place: FilePath) throws(FileError) -> Folder? {
        var folder = self
        for name in try names(of: place, "open folder") {
            guard let next = try folder.child(name, "open folder") else { return nil }
            folder = next
        }
        return folder
    }

    /// Makes a folder below and those above it; folders that are there are fine.
    ///
    /// - Throws: `FileError`, also where a link or a file stands in the way.
    @discardableResult
    public func makeFolder(_ place: FilePath) throws(FileError) -> Folder {
        var folder = self
        for name in try names(of: place, "create folder") {
            if let next = try folder.child(name, "create folder") {
                folder = next
                continue
            }
            let result = name.withPlatformString { mkdirat(folder.descriptor.rawValue, $0, 0o777) }
            guard result == 0 || errno == EEXIST else {
                throw FileError("create folder", folder.path.appending(name), Errno(rawValue: errno))
            }
            guard let next = try folder.child(name, "create folder") else {
                throw FileError("create folder", folder.path.appending(name), .noSuchFileOrDirectory)
            }
            folder = next
        }
        return folder
    }

    /// Makes a folder in one that is there; false when anything stands there already.
    public func makeNewFolder(_ place: FilePath) throws(FileError) -> Bool {
        let (folder, name) = try holder(of: place, "create folder")
        if name.withPlatformString({ mkdirat(folder.descriptor.rawValue, $0, 0o777) }) == 0 { return true }
        let reason = Errno(rawValue: errno)
        guard reason == .fileExists else { throw FileError("create folder", path.pushing(place), reason) }
        return false
    }

    /// What stands at a place below, links for themselves; nil when nothing does.
    public func status(_ place: FilePath) throws(FileError) -> FileSystem.Status? {
        guard let (folder, name) = try existingHolder(of: place, "look at") else { return nil }
        var info = stat()
        let result = name.withPlatformString {
            fstatat(folder.descriptor.rawValue, $0, &info, AT_SYMLINK_NOFOLLOW)
        }
        if result == 0 { return FileSystem.Status(info) }
        let reason = Errno(rawValue: errno)
        if reason == .noSuchFileOrDirectory { return nil }
        throw FileError("look at", path.pushing(place), reason)
    }

    /// The names in it, as bytes that may be no UTF-8, sorted by them; without `.` and `..`.
    public func names() throws(FileError) -> [FilePath.Component] {
        // The stream takes a descriptor for itself, and its place in the folder would be shared with a duplicate's.
        let own = openat(descriptor.rawValue, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard own >= 0 else { throw FileError("list folder", path, Errno(rawValue: errno)) }
        guard let stream = fdopendir(own) else {
            let reason = Errno(rawValue: errno)
            close(own)
            throw FileError("list folder", path, reason)
        }
        defer { closedir(stream) }
        var names: [FilePath.Component] = []
        while true {
            errno = 0
            guard let entry = readdir(stream) else {
                guard errno == 0 else { throw FileError("list folder", path, Errno(rawValue: errno)) }
                break
            }
            // The name lies inside the C struct; its field is a tuple, which only has an address through a pointer.
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { FilePath.Component(platformString: $0) }
            }
            if let name, name.kind == .regular { names.append(name) }
        }
        return names.sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) }
    }

    /// Opens a plain file below; nil when nothing stands there.
    ///
    /// - Throws: `FileError`, also for a link, a folder, a pipe or a device.
    public func openFile(
        _ place: FilePath, _ mode: FileDescriptor.AccessMode = .readOnly,
        options: FileDescriptor.OpenOptions = [], permissions: FilePermissions = .init(rawValue: 0o666),
        _ operation: String = "read"
    ) throws(FileError) -> FileDescriptor? {
        let (folder, name) = try holder(of: place, operation)
        // A pipe would wait for its other end.
        let flags =
            mode.rawValue | options.union([.noFollow, .closeOnExec, .nonBlocking]).rawValue
        let file = name.withPlatformString {
            openat(folder.descriptor.rawValue, $0, flags, permissions.rawValue)
        }
        guard file >= 0 else {
            let reason = Errno(rawValue: errno)
            if reason == .noSuchFileOrDirectory, !options.contains(.create) { return nil }
            throw folder.obstacle(name, operation, reason)
        }
        var info = stat()
        guard fstat(file, &info) == 0, info.st_mode & S_IFMT == S_IFREG else {
            close(file)
            throw folder.obstacle(name, operation, .invalidArgument)
        }
        return FileDescriptor(rawValue: file)
    }

    /// All bytes of a plain file below; nil when nothing stands there.
    ///
    /// - Parameter limit: The most bytes that it may have; see ``FileLimit``.
    public func read(
        _ place: FilePath, limit: Int = FileLimit.document
    ) throws(FileError) -> [UInt8]? {
        guard let (folder, name) = try existingHolder(of: place, "read"),
            let file = try folder.openFile(FilePath(root: nil, components: name), .readOnly)
        else { return nil }
        defer { try? file.close() }
        return try FileSystem.read(file, path.pushing(place), limit: limit)
    }

    /// Whether an open file is the one that stands at a place below.
    public func holds(_ place: FilePath, _ file: FileDescriptor) -> Bool {
        guard let found = try? existingHolder(of: place, "look at") else { return false }
        var (own, named) = (stat(), stat())
        let (folder, name) = found
        let result = name.withPlatformString {
            fstatat(folder.descriptor.rawValue, $0, &named, AT_SYMLINK_NOFOLLOW)
        }
        return fstat(file.rawValue, &own) == 0 && result == 0 && own.st_ino == named.st_ino
            && own.st_dev == named.st_dev
    }

    /// Its own permissions: the lower nine bits of its mode.
    public func permissions() throws(FileError) -> UInt32 {
        var info = stat()
        guard fstat(descriptor.rawValue, &info) == 0 else {
            throw FileError("look at", path, Errno(rawValue: errno))
        }
        return UInt32(info.st_mode & 0o777)
    }

    /// Whether nothing but plain files and folders is below it.
    public func isPlain() throws(FileError) -> Bool {
        for name in try names() {
            let place = FilePath(root: nil, components: name)
            switch try status(place)?.kind {
            case nil, .file?: continue
            case .folder?: guard try folder(place)?.isPlain() ?? true else { return false }
            default: return false
            }
        }
        return true
    }

    /// Flushes its list of names to the disk.
    public func synchronize() throws(FileError) {
        guard fsync(descriptor.rawValue) == 0 else {
            throw FileError("flush", path, Errno(rawValue: errno))
        }
    }
}

extension Folder {
    /// A folder directly below; nil where nothing stands there.
    func child(_ name: FilePath.Component, _ operation: String) throws(FileError) -> Folder? {
        let next = name.withPlatformString {
            openat(descriptor.rawValue, $0, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        }
        guard next >= 0 else {
            let reason = Errno(rawValue: errno)
            if reason == .noSuchFileOrDirectory { return nil }
            throw obstacle(name, operation, reason)
        }
        return Folder(path.appending(name), FileDescriptor(rawValue: next))
    }

    /// The folder that a place is in, and its name there.
    ///
    /// - Throws: `FileError`, also where that folder isn't there.
    func holder(of place: FilePath, _ operation: String) throws(FileError) -> (Folder, FilePath.Component) {
        guard let found = try existingHolder(of: place, operation) else {
            throw FileError(operation, path.pushing(place), .noSuchFileOrDirectory)
        }
        return found
    }

    /// As ``holder(of:_:)``; nil where that folder isn't there.
    func existingHolder(of place: FilePath, _ operation: String) throws(FileError) -> (
        Folder, FilePath.Component
    )? {
        var names = try names(of: place, operation)
        guard let last = names.popLast() else {
            throw FileError(operation, path.pushing(place), .invalidArgument)
        }
        var folder = self
        for name in names {
            guard let next = try folder.child(name, operation) else { return nil }
            folder = next
        }
        return (folder, last)
    }

    /// The parts of a place below, all of them plain names.
    private func names(of place: FilePath, _ operation: String) throws(FileError) -> [FilePath.Component] {
        guard place.isRelative, place.components.allSatisfy({ $0.kind == .regular }) else {
            throw FileError(
                operation, path.appending(place.string), .invalidArgument,
                "that path leads out of its folder")
        }
        return Array(place.components)
    }

    /// Why a name can't be what is needed: a link is told as one.
    func obstacle(_ name: FilePath.Component, _ operation: String, _ reason: Errno) -> FileError {
        var info = stat()
        let found = name.withPlatformString { fstatat(descriptor.rawValue, $0, &info, AT_SYMLINK_NOFOLLOW) }
        let place = path.appending(name)
        guard found == 0 else { return FileError(operation, place, reason) }
        switch info.st_mode & S_IFMT {
        case S_IFLNK:
            return FileError(
                operation, place, .tooManySymbolicLinkLevels,
                "a symbolic link stands there, and links aren't followed here. Look at where it leads, remove the link, and put the real file or folder in its place if it is meant"
            )
        case S_IFDIR where reason == .invalidArgument: return FileError(operation, place, .isDirectory)
        case S_IFREG, S_IFDIR: return FileError(operation, place, reason)
        default:
            return FileError(
                operation, place, reason,
                "a pipe, a socket or a device stands there, and a plain file is needed. Remove it, or put the file in its place"
            )
        }
    }
}

extension FilePath.Component {
    /// Its bytes, without the end.
    public var bytes: [UInt8] {
        withPlatformString { text in
            Array(UnsafeRawBufferPointer(start: text, count: strlen(text)))
        }
    }

    /// It as text; nil where its bytes are no UTF-8.
    public var validText: String? { String(validating: bytes, as: UTF8.self) }
}

extension FileSystem.Status {
    init(_ info: stat) {
        let kind: FileSystem.Kind =
            switch info.st_mode & S_IFMT {
            case S_IFREG: .file
            case S_IFDIR: .folder
            case S_IFLNK: .link
            default: .other
            }
        self.init(kind: kind, size: Int(info.st_size))
    }
}
