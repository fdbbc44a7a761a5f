import ArgumentParser
import ArtifactStore
import DataStages
import Fetching
import JSON
import Runs
import SystemPackage

/// `d3llm fetch` downloads inputs, and looks after what was downloaded.
struct FetchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fetch", abstract: "Download inputs as data.lock pins them; check what was downloaded.",
        discussion: """
            Inputs are data sets and models that experiments take from outside. data.lock names where each is from and \
            the size and SHA-256 of its files; what comes with other bytes is refused. The first download of an input \
            without hashes writes them in data.lock. What was interrupted is gone on from, what is in the cache is \
            hashed and not downloaded again.

            Repositories of Hugging Face are in its own cache, where Python finds them too; HF_HOME, HF_HUB_CACHE, \
            HF_TOKEN, HF_ENDPOINT and HF_HUB_OFFLINE mean what they mean there. Other files are in D3LLM_CACHE. \
            docs/fetching.md tells more.
            """)

    @Argument(help: "Inputs by their names in the lock file.")
    var names: [String] = []
    @Flag(help: "All inputs.")
    var all = false
    @Flag(help: "List the inputs instead.")
    var list = false
    @Flag(
        help:
            "Hash what the cache has of the inputs, of all unless some are named, and compare with the lock file."
    )
    var check = false
    @Flag(help: "Use what is in the cache and open no connection.")
    var offline = false
    @Option(
        help:
            "A folder with files that came here in another way (pip download, a disk): those that are pinned are taken from there.",
        completion: .directory)
    var from: String?
    @Option(help: "The lock file.", completion: .file())
    var lock: String = DataLock.fileName
    @Option(help: "A folder to hold both caches.", completion: .directory)
    var cache: String?
    @OptionGroup var format: JSONOption

    func validate() throws {
        guard !(list && check) else { throw ValidationError("--list and --check exclude one another.") }
        guard !(all && !names.isEmpty) else {
            throw ValidationError("Name inputs or give --all, not both.")
        }
        guard list || check || all || !names.isEmpty else {
            throw ValidationError("Name the inputs to fetch, or give --all; --list lists them.")
        }
        guard !list || names.isEmpty else { throw ValidationError("--list lists all inputs; name none.") }
    }

    func run() throws {
        try ExitCodes.reporting(asJSON: format.json) {
            let reporter = ProgressReporter.standardError()
            var task: TaskProgress?
            let observer = FetchReporting(
                line: { total, unit in
                    let line = reporter.task("fetch", total: total, unit: unit)
                    task = line
                    return { line.advance(by: $0) }
                }, log: { reporter.log($0) })
            let cancellation = Cancellation.onSignals()
            let settings = HubSettings.current(cache: cache.map { FilePath($0) })
            let fetcher = Fetcher(
                lock: FilePath(lock), settings: settings, isOffline: offline || list || check,
                from: from.map { FilePath($0) }, observer: observer,
                isCancelled: { cancellation.isCancelled })
            defer { task?.end() }
            if list {
                let inputs = try DataLock(FilePath(lock)).inputs
                return try format.print(FetchText.list(inputs, settings), FetchText.list(inputs, settings))
            }
            if check { return try printCheck(fetcher) }
            let names = try all ? DataLock(FilePath(lock)).inputs.map(\.name) : names
            let inputs = try fetcher.fetch(names)
            task?.end()
            task = nil
            try format.print(FetchText.fetched(inputs), FetchText.fetched(inputs))
        }
    }

    private func printCheck(_ fetcher: Fetcher) throws {
        let inputs = try fetcher.check(names.isEmpty ? nil : names)
        try format.print(FetchText.checked(inputs), FetchText.checked(inputs))
        let isWhole = inputs.allSatisfy { input in
            switch input.state {
            case .whole: true
            case .damaged: false
            // Of inputs that nobody named there may be nothing.
            case .partial, .absent, .unpinned: names.isEmpty
            }
        }
        if !isWhole { throw ExitCodes.failure }
    }
}
