internal import Files
package import SystemPackage

/// Gets the inputs of a lock file into the cache, whole and as pinned; the first download of an input pins it.
package struct Fetcher {
    let lockPath: FilePath
    let settings: HubSettings
    let options: TransferOptions
    let isOffline: Bool
    let observer: any FetchObserver
    let isCancelled: () -> Bool

    /// - Parameters:
    ///   - lock: The lock file.
    ///   - isOffline: Whether the network is left alone, whatever the environment says; nothing opens a socket then.
    ///   - isCancelled: Asked several times a second while something is downloaded.
    package init(
        lock: FilePath, settings: HubSettings, options: TransferOptions = TransferOptions(),
        isOffline: Bool = false,
        observer: any FetchObserver, isCancelled: @escaping () -> Bool = { false }
    ) {
        lockPath = lock
        self.settings = settings
        var options = options
        options.certificates = options.certificates ?? settings.certificates
        self.options = options
        self.isOffline = isOffline || settings.isOffline
        self.observer = observer
        self.isCancelled = isCancelled
    }

    private var downloader: Downloader {
        Downloader(options: options, observer: observer, isCancelled: isCancelled)
    }

    /// Gets inputs; what is in the cache already is hashed again and not downloaded.
    ///
    /// - Returns: The inputs in the order of `names`.
    /// - Throws: ``FetchError`` for the first input that isn't there in the end, after the others were tried;
    ///   ``FetchInterrupted``; `FileError`.
    package func fetch(_ names: [String]) throws -> [FetchedInput] {
        let lock = try DataLock(lockPath)
        let wanted = try names.map { name throws(FetchError) in try lock.input(name) }
        return try fetch(wanted, mayExtend: true)
    }

    /// Gets one input whose hashes the caller knows, whatever the lock file says of them by now.
    ///
    /// - Parameter pins: SHA-256 by path, as a recipe holds them.
    /// - Throws: As ``fetch(_:)``; also when the lock file has other hashes.
    package func fetch(_ name: String, pinnedAs pins: [String: String]) throws -> FetchedInput {
        let input = try DataLock(lockPath).input(name)
        let known = Dictionary(
            input.files.map { ($0.path, $0.sha256 ?? "") }, uniquingKeysWith: { first, _ in first })
        guard input.isPinned, known == pins else {
            throw FetchError(
                .wrongContent,
                "\(lockPath) has other hashes for \(name) than this configuration was read with. Run the command again."
            )
        }
        return try fetch([input])[0]
    }

    /// - Parameter mayExtend: Whether a model gets files that came after it was pinned, see
    ///   ``LockedRepository/companions``.
    private func fetch(_ inputs: [LockedInput], mayExtend: Bool = false) throws -> [FetchedInput] {
        let job = FetchJob(settings, options, observer)
        var resolved: [ResolvedInput] = []
        for input in inputs {
            if isCancelled() { throw FetchInterrupted() }
            if input.isPinned {
                let known = try job.resolve(pinned: input)
                let isWhole = known.files.allSatisfy { $0.found != nil }
                resolved.append(
                    try mayExtend && !isWhole && !isOffline ? extended(input, job) ?? known : known)
            } else {
                try checkMayPin(input)
                resolved.append(try resolve(unpinned: input, job))
            }
        }
        let missing = resolved.flatMap { input in input.files.filter { $0.found == nil } }
        if isOffline, let first = missing.first {
            let others = missing.count > 1 ? ", nor are \(missing.count - 1) other files" : ""
            throw FetchError(
                .offline,
                "\(first.request.name) isn't in the cache\(others), and the network is to be left alone (--offline or HF_HUB_OFFLINE). \(job.carrying)"
            )
        }
        for input in resolved where input.files.contains(where: { $0.found == nil }) {
            try checkTerms(input.input)
        }
        try checkSpace(missing)
        if !missing.isEmpty {
            let sizes = missing.map(\.request.size)
            observer.begin(bytes: sizes.contains(nil) ? nil : sizes.reduce(0) { $0 + ($1 ?? 0) })
        }
        var results = try downloader.run(missing.map(\.request))[...]
        var failure: (any Error)?
        var fetched: [FetchedInput] = []
        for input in resolved {
            var files: [DownloadedFile] = []
            for file in input.files {
                switch file.found.map({ .success($0) }) ?? results.removeFirst() {
                case .success(let file): files.append(file)
                case .failure(let error): failure = failure ?? explained(error, input.input)
                }
            }
            if files.count == input.files.count { fetched.append(try finish(input, files)) }
        }
        if let failure { throw failure }
        return fetched
    }
}

extension Fetcher {
    private func resolve(unpinned input: LockedInput, _ job: FetchJob) throws -> ResolvedInput {
        guard case .repository(let repository) = input.origin else { return try job.resolve(unpinned: input) }
        try checkTerms(input)
        let request = try job.listingRequest(of: repository, for: input)
        let bytes: [UInt8]
        do { bytes = try listing(request) } catch { throw explained(error, input) }
        do throws(HubListing.Unreadable) {
            return try job.resolve(unpinned: input, repository, try HubListing(parsing: bytes))
        } catch {
            throw FetchError(
                .unavailable,
                "What \(request.sources[0].address) says of \(repository.id) can't be used: \(error.reason).")
        }
    }

    /// A pinned model with what its repository has besides at the pinned commit; nil where that is nothing, and where nobody
    /// can be asked: what is pinned can be had without.
    private func extended(_ input: LockedInput, _ job: FetchJob) throws -> ResolvedInput? {
        guard case .repository(let repository) = input.origin, repository.isModel,
            input.terms == nil || settings.token != nil,
            let bytes = try? listing(job.listingRequest(of: repository, for: input)),
            let listing = try? HubListing(parsing: bytes)
        else { return nil }
        if isCancelled() { throw FetchInterrupted() }
        return try job.resolve(extending: input, repository, listing)
    }

    private func listing(_ request: DownloadRequest) throws -> [UInt8] {
        let file = try downloader.run([request])[0].get()
        defer { for path in [file.path, request.lock] { try? FileSystem.remove(path) } }
        return try FileSystem.read(file.path)
    }

    private func checkMayPin(_ input: LockedInput) throws(FetchError) {
        guard isOffline else { return }
        throw FetchError(
            .offline,
            "\(input.name) isn't pinned yet: its first download writes its hashes in \(lockPath), and the network is to be left alone (--offline or HF_HUB_OFFLINE)."
        )
    }

    private func checkTerms(_ input: LockedInput) throws(FetchError) {
        guard let terms = input.terms, settings.token == nil else { return }
        throw FetchError(
            .notAllowed,
            "\(input.name) is only given to those who accepted its terms. Read them at \(terms), accept them there while signed in, and set HF_TOKEN to a token of that account."
        )
    }

    private func checkSpace(_ missing: [ResolvedInput.File]) throws(FetchError) {
        for folder in Set(missing.map { $0.request.part.removingLastComponent() }) {
            let files = missing.filter { $0.request.part.removingLastComponent() == folder }
            let needed = files.reduce(0) { sum, file in
                let there = (try? FileSystem.status(file.request.part))??.size ?? 0
                return sum + max(0, (file.request.size ?? 0) - there)
            }
            let first = files[0].request.name
            try DiskSpace.check(
                folder, for: files.count == 1 ? first : "\(first) and \(files.count - 1) more", needs: needed)
        }
    }

    /// Adds to a refusal what a person can do about it.
    private func explained(_ error: any Error, _ input: LockedInput) -> any Error {
        guard let error = error as? FetchError, error.code == .notAllowed,
            case .repository(let repository) = input.origin
        else { return error }
        let page =
            input.terms.flatMap { PublicAddress($0)?.description }
            ?? "https://huggingface.co/\(repository.id)"
        let token =
            settings.token == nil
            ? "There is no token: set HF_TOKEN." : "The token is of an account that may not, or has expired."
        return FetchError(
            error.code,
            "\(error.description) \(token) If it has terms, they have to be accepted at \(page) first.")
    }

    /// Puts names to the contents, and pins what wasn't pinned.
    private func finish(_ resolved: ResolvedInput, _ files: [DownloadedFile]) throws -> FetchedInput {
        var input = resolved.input
        if let hub = resolved.hub {
            for (file, downloaded) in zip(resolved.files, files) {
                try hub.folder.link(
                    file.path, of: hub.commit, to: downloaded.path.lastComponent?.string ?? "")
            }
            if let branch = hub.branch { try hub.folder.note(branch, is: hub.commit) }
        }
        let isNew = !input.isPinned || resolved.isExtended
        if isNew {
            var pinned = zip(resolved.files, files).map { file, downloaded in
                LockedFile(
                    path: file.path, urls: file.urls, size: downloaded.size, sha256: downloaded.sha256,
                    blob: file.blob == downloaded.sha256 ? nil : file.blob)
            }
            if resolved.isExtended {
                pinned.sort { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
            }
            let pin = DataLock.Pin(
                name: input.name, isExtension: resolved.isExtended,
                commit: resolved.hub.map { ($0.commit, $0.branch) }, files: pinned)
            let guardFile = settings.filesCache.appending(".locks").appending("data.lock.lock")
            let lock = try DataLock.write(pin, to: lockPath, guardFile: guardFile) {
                if isCancelled() { throw FetchInterrupted() }
                Pause.short()
            }
            input = try lock.input(input.name)
            observer.log(
                "\(input.name): its hashes are in \(lockPath) now; keep that file under version control")
        }
        return FetchedInput(
            input: input, isNewlyPinned: isNew,
            files: zip(resolved.files, files).map { file, downloaded in
                FetchedInput.File(
                    path: file.path, location: downloaded.path, size: downloaded.size,
                    sha256: downloaded.sha256,
                    wasCached: downloaded.wasThere,
                    address: Self.publicAddress(of: file, resolved))
            })
    }

    /// Where anybody can have a file: the hub itself, whatever server stood in for it here.
    private static func publicAddress(of file: ResolvedInput.File, _ resolved: ResolvedInput) -> String {
        guard case .repository(let repository) = resolved.input.origin, let hub = resolved.hub else {
            return file.request.sources.first?.address.description ?? ""
        }
        return HubAddress.file(HubSettings.publicHub, repository, commit: hub.commit, file.path)
    }
}
