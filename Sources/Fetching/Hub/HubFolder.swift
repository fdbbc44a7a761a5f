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
        let place = snapshot(commit, path)
        let up = String(repeating: "../", count: path.utf8.count { $0 == UInt8(ascii: "/") } + 2)
        let target = FilePath("\(up)blobs/\(blob)")
        if Self.target(of: place) == target { return }
        try FileSystem.createDirectory(place.removingLastComponent())
        let temporary = place.removingLastComponent().appending(
            ".\(place.lastComponent?.string ?? "").\(UInt32.random(in: 0 ... .max)).tmp")
        do {
            try FileSystem.symbolicLink(to: target, at: temporary)
            try FileSystem.rename(temporary, to: place)
        } catch {
            try? FileSystem.remove(temporary)
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
        let file = folder.appending("refs").pushing(FilePath(branch))
        guard try FileSystem.status(file, followingLinks: false) == nil else { return }
        try FileSystem.createDirectory(file.removingLastComponent())
        try FileSystem.writeAtomically(commit, to: file)
    }
}
