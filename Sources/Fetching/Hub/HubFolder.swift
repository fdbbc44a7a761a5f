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

    init(_ repository: LockedRepository, in cache: FilePath) {
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
