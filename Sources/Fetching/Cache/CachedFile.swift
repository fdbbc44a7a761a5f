internal import Files
internal import SystemPackage

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
    init(_ file: LockedFile, at place: FilePath) throws(FileError) {
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
