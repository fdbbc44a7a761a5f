internal import Files
package import SystemPackage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Gets the inputs of a lock file into the cache, whole and as pinned; the first download of an input pins it.
package struct Fetcher {
    let lockPath: FilePath
    let settings: HubSettings
    let options: TransferOptions
    let isOffline: Bool
    let handedOver: HandedOver?
    let observer: any FetchObserver
    let isCancelled: () -> Bool

    /// - Parameters:
    ///   - lock: The lock file.
    ///   - folder: Files that were brought here in another way: those that are pinned are taken from there.
    ///   - isOffline: Whether the network is left alone, whatever the environment says; nothing opens a socket then.
    ///   - isCancelled: Asked several times a second while something is downloaded.
    package init(
        lock: FilePath, settings: HubSettings, options: TransferOptions = TransferOptions(),
        isOffline: Bool = false, from folder: FilePath? = nil,
        observer: any FetchObserver, isCancelled: @escaping () -> Bool = { false }
    ) {
        lockPath = lock
        handedOver = folder.map { HandedOver(folder: $0) }
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
    ///   ``LockedInput/Repository/companions``.
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
        if let handedOver {
            for (i, input) in resolved.enumerated() {
                for (j, file) in input.files.enumerated() where file.found == nil {
                    if isCancelled() { throw FetchInterrupted() }
                    guard let taken = try handedOver.take(file) else { continue }
                    observer.log("\(file.request.name): taken from \(handedOver.folder)")
                    resolved[i].files[j].found = taken
                }
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
                LockedInput.File(
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

/// Waiting without doing anything.
enum Pause {
    /// A twentieth of a second.
    static func short() { usleep(50_000) }
}

/// Downloads files, several at once, on the thread that asks for it.
struct Downloader {
    let options: TransferOptions
    let observer: any FetchObserver
    /// Whether to stop; asked several times a second.
    let isCancelled: () -> Bool

    /// What became of each request, in their order: a failure of one doesn't stop the others.
    ///
    /// - Throws: ``FetchInterrupted``; what has come so far is kept.
    func run(_ requests: [DownloadRequest]) throws -> [Result<DownloadedFile, any Error>] {
        let downloads = requests.map { Download($0, options, observer) }
        guard !downloads.isEmpty else { return [] }
        let multi = try CurlMulti()
        // A transfer and its download hold each other.
        defer { for download in downloads { download.release() } }
        while true {
            if isCancelled() { throw FetchInterrupted() }
            begin(downloads, multi)
            let results = downloads.compactMap { download -> Result<DownloadedFile, any Error>? in
                if case .ended(let result) = download.phase { result } else { nil }
            }
            if results.count == downloads.count { return results }
            for (transfer, error) in multi.perform() {
                guard let download = downloads.first(where: { $0.isRunning(transfer) }) else { continue }
                attempt(download) { try download.requestEnded(transfer, error) }
            }
            multi.wait(milliseconds: patience(downloads, isFull: multi.count >= options.parallel))
        }
    }

    /// Begins what is due.
    private func begin(_ downloads: [Download], _ multi: CurlMulti) {
        for download in downloads {
            guard multi.count < options.parallel else { return }
            attempt(download) {
                if case .locked = download.phase { _ = try download.open() }
                // What is whole already, or wrong, gives another phase without a request.
                while case .pausing(let instant) = download.phase, instant <= .now {
                    guard let transfer = try download.begin() else { continue }
                    try multi.add(transfer)
                    download.phase = .running(transfer)
                }
            }
        }
    }

    private func attempt(_ download: Download, _ body: () throws -> Void) {
        do { try body() } catch { download.end(.failure(error)) }
    }

    /// Milliseconds until something has to be looked at that isn't a connection.
    private func patience(_ downloads: [Download], isFull: Bool) -> Int {
        var most = Duration.milliseconds(200)
        for download in downloads where !isFull {
            if case .pausing(let instant) = download.phase {
                most = min(most, ContinuousClock.now.duration(to: instant))
            }
        }
        let (seconds, attoseconds) = most.components
        return max(1, Int(seconds) * 1000 + Int(attoseconds / 1_000_000_000_000_000))
    }
}

extension Download {
    func isRunning(_ transfer: CurlTransfer) -> Bool {
        if case .running(let own) = phase { own === transfer } else { false }
    }

    /// Lets go of everything if it is still under way.
    func release() {
        if case .ended = phase { return }
        end(.failure(FetchInterrupted()))
    }
}

extension Fetcher {
    /// Hashes everything that the cache has of inputs, and compares it with the lock file; opens no socket.
    ///
    /// - Parameter names: All inputs when nil.
    /// - Throws: ``FetchError`` for an unknown name or a damaged lock file; `FileError`; ``FetchInterrupted``.
    package func check(_ names: [String]? = nil) throws -> [CheckedInput] {
        let lock = try DataLock(lockPath)
        let inputs = try names?.map { name throws(FetchError) in try lock.input(name) } ?? lock.inputs
        return try inputs.map { input in
            if isCancelled() { throw FetchInterrupted() }
            return try check(input)
        }
    }

    private func check(_ input: LockedInput) throws -> CheckedInput {
        guard input.isPinned else { return CheckedInput(input: input, state: .unpinned, problems: []) }
        var (whole, problems) = (0, [String]())
        for file in input.files {
            let place = place(of: file, input)
            switch try CachedFile(file, at: place).finding {
            case .absent: break
            case .wrong(let reason):
                problems.append(
                    "\(input.name)/\(file.path) in \(place) isn't as pinned: \(reason). `d3llm fetch \(input.name)` replaces it."
                )
            case .whole: whole += 1
            }
        }
        let state: CheckedInput.State =
            if !problems.isEmpty { .damaged } else if whole == input.files.count { .whole } else if whole > 0
            {
                .partial
            } else {
                .absent
            }
        return CheckedInput(input: input, state: state, problems: problems)
    }

    private func place(of file: LockedInput.File, _ input: LockedInput) -> FilePath {
        settings.place(of: file, input)
    }
}

extension HubSettings {
    /// Where Python and this program look for a file.
    func place(of file: LockedInput.File, _ input: LockedInput) -> FilePath {
        switch input.origin {
        case .addresses: filesCache.appending(file.sha256 ?? "")
        case .repository(let repository):
            HubFolder(repository, in: hubCache).snapshot(repository.revision, file.path)
        }
    }

    /// How many bytes of a pinned input the cache lacks, told from the sizes of its files without reading them.
    package func missingBytes(of input: LockedInput) -> Int {
        input.files.reduce(0) { sum, file in
            let size = file.size ?? 0
            let there = (try? FileSystem.status(place(of: file, input)))??.size
            let (total, isTooLarge) = sum.addingReportingOverflow(there == size ? 0 : size)
            return isTooLarge ? .max : total
        }
    }
}
