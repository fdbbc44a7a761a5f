internal import Base
internal import CCrypto
internal import Files
internal import SystemPackage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Works out what an input's files are called in the cache and where to get them.
struct FetchJob {
    let settings: HubSettings
    let options: TransferOptions
    let observer: any FetchObserver

    init(_ settings: HubSettings, _ options: TransferOptions, _ observer: any FetchObserver) {
        (self.settings, self.options, self.observer) = (settings, options, observer)
    }

    /// How another machine's cache helps.
    var carrying: String {
        "Fetch it on a machine that has a network, and copy \(settings.hubCache) and \(settings.filesCache) over."
    }

    func resolve(pinned input: LockedInput) throws -> ResolvedInput {
        switch input.origin {
        case .addresses:
            let files = try input.files.map { file in try resolved(request(file, of: input), file) }
            return ResolvedInput(input: input, files: files, hub: nil)
        case .repository(let repository):
            let hub = hub(repository, repository.revision, repository.branch)
            let files = try input.files.map { file in
                let sources = try hubSources(repository) {
                    HubAddress.file($0, repository, commit: repository.revision, file.path)
                }
                let request = hubRequest(
                    "\(input.name)/\(file.path)", sources, hub, blob: file.blob ?? file.sha256 ?? "",
                    file.size,
                    file.sha256)
                // Python may call the content by another name; the snapshot's link knows.
                let linked = hub.folder.snapshot(hub.commit, file.path)
                return try resolved(request, file, alsoAt: linked)
            }
            return ResolvedInput(input: input, files: files, hub: hub)
        }
    }

    /// An input of addresses that isn't pinned yet; files of it may be.
    func resolve(unpinned input: LockedInput) throws -> ResolvedInput {
        let files = try input.files.map { file in try resolved(request(file, of: input), file) }
        return ResolvedInput(input: input, files: files, hub: nil)
    }

    /// A repository that isn't pinned yet, by what the hub says of it.
    func resolve(unpinned input: LockedInput, _ repository: LockedInput.Repository, _ listing: HubListing)
        throws(HubListing.Unreadable) -> ResolvedInput
    {
        if let commit = repository.commit, commit != listing.commit {
            throw .init(reason: "it is of the commit \(listing.commit) instead of \(commit)")
        }
        let wanted = listing.files.filter { repository.wants($0.path) }
        guard !wanted.isEmpty else {
            throw .init(reason: "none of its files match \(repository.include.joined(separator: ", "))")
        }
        let hub = hub(
            repository, listing.commit, repository.commit == nil ? repository.revision : repository.branch)
        return ResolvedInput(
            input: input, files: try resolve(wanted, of: input, repository, hub), hub: hub)
    }

    /// A pinned model with the companions that the hub's list has at its commit and the lock file hasn't; nil where there
    /// are none.
    func resolve(extending input: LockedInput, _ repository: LockedInput.Repository, _ listing: HubListing)
        throws -> ResolvedInput?
    {
        let missing = listing.files.filter { file in
            LockedInput.Repository.companions.contains(file.path)
                && !input.files.contains { $0.path == file.path }
        }
        guard repository.commit == listing.commit, !missing.isEmpty else { return nil }
        let hub = hub(repository, listing.commit, repository.branch)
        var resolved = try resolve(pinned: input)
        resolved.files += try resolve(missing, of: input, repository, hub)
        resolved.isExtended = true
        return resolved
    }

    private func resolve(
        _ files: [HubListing.File], of input: LockedInput, _ repository: LockedInput.Repository,
        _ hub: ResolvedInput.Hub
    ) throws(HubListing.Unreadable) -> [ResolvedInput.File] {
        try files.sorted { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }.map {
            file throws(HubListing.Unreadable) in
            let sources: [DownloadRequest.Source]
            do throws(FetchError) {
                sources = try hubSources(repository) {
                    HubAddress.file($0, repository, commit: hub.commit, file.path)
                }
            } catch {
                throw HubListing.Unreadable(reason: error.description)
            }
            var request = hubRequest(
                "\(input.name)/\(file.path)", sources, hub, blob: file.blob, file.size, file.sha256)
            if file.sha256 == nil {
                request.check = { path in
                    guard let name = try GitBlob.name(ofFile: path), name != file.blob else { return nil }
                    return "its git hash is \(name) instead of \(file.blob)"
                }
            }
            return ResolvedInput.File(
                path: file.path, urls: [], blob: file.blob, request: request, found: nil)
        }
    }

    /// The download of what a hub says of a repository.
    func listingRequest(of repository: LockedInput.Repository, for input: LockedInput) throws
        -> DownloadRequest
    {
        let sources = try hubSources(repository) { HubAddress.listing($0, repository) }
        let key = "listing-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        let folder = settings.filesCache.appending(".parts")
        return DownloadRequest(
            name: "the list of files of \(input.name)", sources: sources, size: nil, sha256: nil,
            limit: 32 << 20,
            part: folder.appending(key), lock: folder.appending("\(key).lock"),
            place: { _ in folder.appending("\(key).list") })
    }
}

extension FetchJob {
    private func hub(_ repository: LockedInput.Repository, _ commit: String, _ branch: String?)
        -> ResolvedInput.Hub
    {
        .init(folder: HubFolder(repository, in: settings.hubCache), commit: commit, branch: branch)
    }

    private func hubRequest(
        _ name: String, _ sources: [DownloadRequest.Source], _ hub: ResolvedInput.Hub, blob: String,
        _ size: Int?,
        _ sha256: String?
    ) -> DownloadRequest {
        let place = hub.folder.blob(blob)
        return DownloadRequest(
            name: name, sources: sources, size: size, sha256: sha256, part: hub.folder.part(blob),
            lock: hub.folder.lock(blob), place: { _ in place })
    }

    /// The hub, which may be sent the token, and then the mirrors, which may not.
    private func hubSources(_ repository: LockedInput.Repository, _ url: (String) -> String)
        throws(FetchError)
        -> [DownloadRequest.Source]
    {
        guard let hub = PublicAddress(settings.endpoint) else {
            throw FetchError(
                .unavailable,
                "HF_ENDPOINT isn't the address of a hub: it has to begin with https:// or http://.")
        }
        let token = hub.isPrivate ? settings.token : nil
        return ([settings.endpoint] + repository.mirrors).enumerated().compactMap { index, endpoint in
            var endpoint = endpoint
            while let shorter = endpoint.byteText.dropping(suffix: "/") { endpoint = shorter.text }
            let url = url(endpoint)
            return PublicAddress(url).map { .init(url: url, address: $0, token: index == 0 ? token : nil) }
        }
    }

    /// A file with addresses of its own.
    private func request(_ file: LockedInput.File, of input: LockedInput) throws(FetchError)
        -> DownloadRequest
    {
        let sources = file.urls.compactMap { url in
            PublicAddress(url).map { DownloadRequest.Source(url: url, address: $0, token: nil) }
        }
        if file.sha256 == nil, let open = sources.first(where: { !$0.address.isPrivate }) {
            throw FetchError(
                .unpinned,
                "\(input.name)/\(file.path) has no hash yet, and \(open.address) isn't https: whoever stands on the way could decide what is pinned. Give it an https address, or its hash."
            )
        }
        let cache = settings.filesCache
        let key = file.sha256 ?? "new-" + SHA256.hex(of: Array((file.urls.first ?? "").utf8))
        return DownloadRequest(
            name: "\(input.name)/\(file.path)", sources: sources, size: file.size, sha256: file.sha256,
            part: cache.appending(".parts").appending(key),
            lock: cache.appending(".locks").appending("\(key).lock"), place: { cache.appending($0) })
    }

    /// Looks whether the cache has the content.
    private func resolved(
        _ request: DownloadRequest, _ file: LockedInput.File, alsoAt linked: FilePath? = nil
    )
        throws
        -> ResolvedInput.File
    {
        var found: DownloadedFile?
        for place in [request.knownPlace, linked].compactMap({ $0 }) where found == nil {
            found = try CachedFile(file, at: place).whole
        }
        return .init(path: file.path, urls: file.urls, blob: file.blob, request: request, found: found)
    }
}

/// Git's name of a content: the SHA-1 of "blob", its size and its bytes.
enum GitBlob {
    /// Nil on systems that keep to approved algorithms and so have no SHA-1.
    ///
    /// - Throws: `FileError`.
    static func name(ofFile path: FilePath) throws -> String? {
        let size = try FileSystem.status(path)?.size ?? 0
        guard let context = EVP_MD_CTX_new() else { throw FileError("read", path, .noMemory) }
        defer { EVP_MD_CTX_free(context) }
        guard EVP_DigestInit_ex(context, EVP_sha1(), nil) == 1 else { return nil }
        let head = Array("blob \(size)\0".utf8)
        EVP_DigestUpdate(context, head, head.count)
        try FileSystem.readParts(path) { EVP_DigestUpdate(context, $0.baseAddress, $0.count) }
        let digest = [UInt8](unsafeUninitializedCapacity: 20) { buffer, count in
            EVP_DigestFinal_ex(context, buffer.baseAddress, nil)
            count = 20
        }
        return SHA256.hex(digest)
    }
}

/// An input on its way: its files with what to download for them.
struct ResolvedInput {
    struct File {
        let path: String
        let urls: [String]
        let blob: String?
        let request: DownloadRequest
        /// The content, where the cache has it.
        var found: DownloadedFile?
    }

    /// The repository that it is of.
    struct Hub {
        let folder: HubFolder
        let commit: String
        /// By what the commit was found.
        let branch: String?
    }

    let input: LockedInput
    var files: [File]
    let hub: Hub?
    /// Whether files come to those that are pinned.
    var isExtended = false
}
