internal import Files
internal import SystemPackage

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
