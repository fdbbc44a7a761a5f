internal import Base
internal import JSON
internal import SystemPackage

/// What a hub says of a repository: its commit and the files with their hashes.
struct HubListing {
    struct File {
        let path: String
        let size: Int
        /// Git's hash of the content, or of what stands for it.
        let blob: String
        /// Of files that are kept apart.
        let sha256: String?
    }

    let commit: String
    let files: [File]

    /// Reads the answer of `/api/models/<id>/revision/<revision>?blobs=true`; a reason when it can't be that.
    init(parsing bytes: [UInt8]) throws(Unreadable) {
        guard let root = try? JSONDocument(parsing: bytes, name: "listing").root else {
            throw Unreadable(reason: "it is no JSON")
        }
        guard let commit = root["sha"]?.string, Hexadecimal.isDigest(commit, digits: 40) else {
            throw Unreadable(reason: "it names no commit")
        }
        var files: [File] = []
        var paths = SafePaths()
        for node in root["siblings"]?.array ?? [] {
            guard let path = node["rfilename"]?.string, paths.insert(path) else {
                throw Unreadable(reason: "it has a file without a usable name")
            }
            let sha256 = node["lfs"]?["sha256"]?.string
            guard let size = node["lfs"]?["size"]?.int ?? node["size"]?.int, (0...1 << 50).contains(size),
                let blob = sha256 ?? node["blobId"]?.string,
                Hexadecimal.isDigest(blob, digits: sha256 == nil ? 40 : 64)
            else { throw Unreadable(reason: "it gives no size or no hash of \(path.visible)") }
            files.append(File(path: path, size: size, blob: blob, sha256: sha256))
        }
        (self.commit, self.files) = (commit, files)
    }

    /// Why an answer isn't a listing, as the end of a sentence.
    struct Unreadable: Error { let reason: String }
}

/// Addresses on a hub.
enum HubAddress {
    static func listing(_ endpoint: String, _ repository: LockedRepository) -> String {
        "\(endpoint)/api/\(repository.kind.rawValue)s/\(repository.id)/revision/\(escaped(repository.revision, keeping: ""))?blobs=true"
    }

    static func file(_ endpoint: String, _ repository: LockedRepository, commit: String, _ path: String)
        -> String
    {
        let folder = repository.kind == .dataset ? "datasets/" : ""
        return "\(endpoint)/\(folder)\(repository.id)/resolve/\(commit)/\(escaped(path, keeping: "/"))"
    }

    /// A text as a part of a URL's path.
    static func escaped(_ text: String, keeping kept: String) -> String {
        let plain = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~\(kept)".utf8)
        var result = ""
        for byte in text.utf8 {
            if plain.contains(byte) {
                result.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                result += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
            }
        }
        return result
    }
}
