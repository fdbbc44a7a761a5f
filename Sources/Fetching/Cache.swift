internal import Base
internal import Files
internal import SystemPackage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The folder of one repository in the hub's cache, laid out as huggingface_hub does.
///
/// ```
/// models--org--name/blobs/<name of the content>
/// models--org--name/snapshots/<commit>/<path>  →  ../../blobs/<name of the content>
/// models--org--name/refs/<branch>                 the commit, as text
/// .locks/models--org--name/<name of the content>.lock
/// ```
struct HubFolder {
    let cache: FilePath
    let name: String

    init(_ repository: LockedInput.Repository, in cache: FilePath) {
        self.cache = cache
        name = "\(repository.kind.rawValue)s--" + repository.id.byteText.replacing("/", with: "--").text
    }

    private var folder: FilePath { cache.appending(name) }

    func blob(_ name: String) -> FilePath { folder.appending("blobs").appending(name) }
    func part(_ name: String) -> FilePath { folder.appending("blobs").appending("\(name).d3llm.incomplete") }
    func lock(_ name: String) -> FilePath {
        cache.appending(".locks").appending(self.name).appending("\(name).lock")
    }
    func snapshot(_ commit: String, _ path: String) -> FilePath {
        folder.appending("snapshots").appending(commit).pushing(FilePath(path))
    }

    /// Makes the file of a snapshot a link to its content.
    func link(_ path: String, of commit: String, to blob: String) throws(FileError) {
        let up = String(repeating: "../", count: path.utf8.count { $0 == UInt8(ascii: "/") } + 2)
        let target = FilePath("\(up)blobs/\(blob)")
        if Self.target(of: snapshot(commit, path)) == target { return }
        let files = try opened("snapshots").makeFolder(FilePath(commit))
        let (place, above) = (FilePath(path), FilePath(path).removingLastComponent())
        let temporary = above.appending(".\(String(UInt64.random(in: 0 ... .max), radix: 16)).tmp")
        if !above.isEmpty { try files.makeFolder(above) }
        do {
            try files.symbolicLink(to: target, at: temporary)
            try files.rename(temporary, to: files, place)
        } catch {
            try? files.remove(temporary)
            throw error
        }
    }

    /// Where a symbolic link leads; nil for what is none.
    static func target(of path: FilePath) -> FilePath? {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = path.withPlatformString { path in
            buffer.withUnsafeMutableBufferPointer { bytes in
                bytes.withMemoryRebound(to: CChar.self) { chars in
                    chars.baseAddress.map { readlink(path, $0, chars.count) } ?? -1
                }
            }
        }
        return count > 0 ? FilePath(String(decoding: buffer[..<count], as: UTF8.self)) : nil
    }

    /// Notes the commit of a branch, unless there is a note: what Python asks for by the branch's name is found then.
    func note(_ branch: String, is commit: String) throws(FileError) {
        guard SafePath.isSafe(branch) else { return }
        let (refs, place) = (try opened("refs"), FilePath(branch))
        guard try refs.status(place) == nil else { return }
        let above = place.removingLastComponent()
        if !above.isEmpty { try refs.makeFolder(above) }
        try refs.writeAtomically(commit.utf8, to: place)
    }

    /// A part of the folder, held open: what the hub or a lock file names is put below it and nowhere else.
    private func opened(_ part: String) throws(FileError) -> Folder {
        // The cache and its repositories are the user's, who may have put them elsewhere by links.
        guard FilePath.Component(name)?.kind == .regular else {
            throw FileError("create folder", folder, .invalidArgument, "a repository can't have that name")
        }
        try FileSystem.createDirectory(folder.appending(part))
        return try Folder(folder.appending(part))
    }
}

/// What the cache has of one pinned file.
struct CachedFile {
    enum Finding {
        case absent
        /// A reason, as the end of a sentence.
        case wrong(String)
        case whole(DownloadedFile)
    }

    let finding: Finding

    /// Looks at a place, and hashes what stands there; links are followed.
    init(_ file: LockedInput.File, at place: FilePath) throws(FileError) {
        guard let status = try FileSystem.status(place), let sha256 = file.sha256 else {
            finding = .absent
            return
        }
        guard status.kind == .file else {
            finding = .wrong("no plain file stands there")
            return
        }
        guard status.size == file.size else {
            finding = .wrong("it has \(status.size) bytes instead of \(file.size ?? 0)")
            return
        }
        let hash = try SHA256.hex(ofFile: place)
        guard hash == sha256 else {
            finding = .wrong("it has the SHA-256 \(hash) instead of \(sha256)")
            return
        }
        finding = .whole(
            DownloadedFile(
                path: HubFolder.resolved(place), size: status.size, sha256: hash, wasThere: true))
    }

    var whole: DownloadedFile? { if case .whole(let file) = finding { file } else { nil } }
}

extension HubFolder {
    /// A content in place of the link of a snapshot to it.
    static func resolved(_ path: FilePath) -> FilePath {
        guard let target = target(of: path) else { return path }
        guard target.isRelative else { return target }
        return path.removingLastComponent().pushing(target).lexicallyNormalized()
    }
}

/// The right to write one file of the cache, held by at most one process and by one download in it.
///
/// The kernel gives it back when its holder dies. huggingface_hub locks the same files in the same way (`flock`), so
/// that Python and this program keep out of each other's way.
final class FileLock {
    private let file: FileDescriptor

    private init(_ file: FileDescriptor) { self.file = file }

    deinit {
        // A child that another thread is starting may hold a copy of the descriptor until its exec.
        _ = flock(file.rawValue, LOCK_UN)
        try? file.close()
    }

    /// Takes a lock; nil while another holds it.
    static func attempt(_ path: FilePath) throws(FileError) -> FileLock? {
        try FileSystem.createDirectory(path.removingLastComponent())
        let file: FileDescriptor
        do {
            file = try FileDescriptor.open(
                path, .readWrite, options: [.create, .closeOnExec, .noFollow],
                permissions: FilePermissions(rawValue: 0o644))
        } catch {
            throw FileError("lock", path, error as? Errno ?? .ioError)
        }
        guard flock(file.rawValue, LOCK_EX | LOCK_NB) == 0 else {
            let reason = Errno(rawValue: errno)
            try? file.close()
            if reason == .wouldBlock || reason == .interrupted { return nil }
            throw FileError("lock", path, reason)
        }
        return FileLock(file)
    }
}

/// A folder with files that came to this machine in another way, as pip's download of a wheel or a colleague's disk.
struct HandedOver {
    let folder: FilePath

    /// Copies a pinned file into the cache, by its path in the input or by its name alone; nil where the folder hasn't got it.
    ///
    /// What enters the cache is what was hashed.
    /// - Throws: ``FetchError`` where the folder's file has other bytes than are pinned; `FileError`.
    func take(_ file: ResolvedInput.File) throws -> DownloadedFile? {
        let request = file.request
        guard let sha256 = request.sha256, let size = request.size, let place = request.knownPlace,
            let source = try source(file.path)
        else { return nil }
        guard source.size == size else {
            throw wrong(source.path, request, "has \(source.size) bytes instead of \(size)")
        }
        let parts = request.part.removingLastComponent()
        for folder in [parts, place.removingLastComponent()] { try FileSystem.createDirectory(folder) }
        let copy = parts.appending("taken-\(UInt64.random(in: 0 ... .max))")
        defer { try? FileSystem.remove(copy) }
        try FileSystem.writeAtomically(to: copy) { sink in
            try FileSystem.readParts(source.path) { try sink.append($0) }
        }
        let found = try SHA256.hex(ofFile: copy)
        guard found == sha256 else {
            throw wrong(source.path, request, "has the SHA-256 \(found) instead of \(sha256)")
        }
        try FileSystem.rename(copy, to: place)
        try FileSystem.synchronize(place.removingLastComponent())
        return DownloadedFile(path: place, size: size, sha256: sha256, wasThere: false)
    }

    /// The folder's file of that path, or of its last part.
    private func source(_ path: String) throws(FileError) -> (path: FilePath, size: Int)? {
        let path = FilePath(path)
        for place in [path, path.lastComponent.map { FilePath(root: nil, components: $0) } ?? path] {
            let found = folder.pushing(place)
            guard let status = try FileSystem.status(found), status.kind == .file else { continue }
            return (found, status.size)
        }
        return nil
    }

    private func wrong(_ path: FilePath, _ request: DownloadRequest, _ reason: String) -> FetchError {
        FetchError(
            .wrongContent,
            "\(path) isn't the \(request.name) that is pinned: it \(reason). It is damaged, not whole, or another version; nothing of it was taken."
        )
    }
}

/// What a disk has room for.
enum DiskSpace {
    /// Bytes that this user may still write below a folder; nil when the system can't tell.
    static func free(_ folder: FilePath) -> Int? {
        var path = folder
        while !path.isEmpty, !FileSystem.exists(path), path != path.removingLastComponent() {
            path = path.removingLastComponent()
        }
        var info = statvfs()
        guard (path.isEmpty ? "." : path).withPlatformString({ statvfs($0, &info) }) == 0 else { return nil }
        let bytes = UInt64(info.f_bavail).multipliedReportingOverflow(by: UInt64(info.f_frsize))
        return bytes.overflow ? .max : Int(clamping: bytes.partialValue)
    }

    /// - Throws: ``FetchError`` when so many bytes don't fit.
    static func check(_ folder: FilePath, for name: String, needs bytes: Int) throws(FetchError) {
        guard bytes > 0, let free = free(folder), free < bytes else { return }
        throw FetchError(
            .noSpace,
            "There is too little room for \(name): \(ByteCount.text(bytes)) are still to come, but the disk of \(folder) has \(ByteCount.text(free)) left. Free some, or put the cache elsewhere (--cache)."
        )
    }
}

/// Numbers of bytes for people.
package enum ByteCount {
    /// "749.7 kB", "16.1 GB": powers of ten.
    package static func text(_ bytes: Int) -> String {
        let units = ["bytes", "kB", "MB", "GB", "TB"]
        var (value, unit) = (Double(bytes), 0)
        while value >= 999.5, unit < units.count - 1 {
            value /= 1000
            unit += 1
        }
        guard unit > 0 else { return "\(bytes) \(bytes == 1 ? "byte" : "bytes")" }
        let tenths = Int((value * 10).rounded())
        return "\(tenths / 10).\(tenths % 10) \(units[unit])"
    }
}
