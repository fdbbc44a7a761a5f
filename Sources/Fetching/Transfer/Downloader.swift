internal import SystemPackage

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
