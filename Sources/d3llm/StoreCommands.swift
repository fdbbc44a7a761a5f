import ArgumentParser
import ArtifactStore
import Audit
import Runs
import SystemPackage

/// `d3llm gc` removes from a store what nothing refers to.
struct GCCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gc", abstract: "List what the store could do without; remove it with --yes.",
        discussion: """
            Kept is everything that the record of any run refers to, finished, failed or interrupted, with all that it \
            was made from; what a run that has no record yet may want; and what is in use. So artifacts go only after \
            the folders of their runs did. Beside artifacts that no run refers to, it finds damaged folders that were \
            set aside, half-written ones, journals that nothing will go on from, and stale entries of the index and \
            files of locks. What it doesn't know is listed and left alone; links aren't followed. Runs may go on \
            meanwhile.
            """)

    @OptionGroup var storage: StoreOptions
    @Flag(help: "Remove what is listed.")
    var yes = false
    @Option(help: ArgumentHelp("Only what wasn't changed for so many days.", valueName: "days"))
    var olderThan: Int = 0
    @OptionGroup var format: JSONOption

    func validate() throws {
        guard (0...100_000).contains(olderThan) else {
            throw ValidationError(
                "--older-than needs a number of days from 0 to 100000; this is \(olderThan).")
        }
    }

    func run() throws {
        try ExitCodes.reporting(asJSON: format.json) {
            guard storage.store.isThere || format.json else {
                Output.words("There is no store \(storage.store.place): nothing to remove.\n")
                return
            }
            let collector = GarbageCollector(storage.store, registry: D3LLM.registry, olderThan: olderThan)
                .waiting(.never) { [reporter = ProgressReporter.standardError()] in reporter.log($0) }
            var report = try collector.look()
            if yes { report = try collector.remove(report) }
            try format.print(report.text, report.value)
        }
    }
}

/// `d3llm export` packs a run.
struct ExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Pack a run with everything that it was made from into one file.",
        discussion: """
            Writes the run's record, its configuration, its log and all artifacts that it names or that those were made \
            from, with the hash of each file and a description as RO-Crate. Weights of models are left out but listed, \
            unless --with-weights is given. Folders and the host's name are taken out of record and log. The same run \
            gives the same bytes. An artifact that isn't what its record says stops it.
            """)

    @OptionGroup var subject: RunArgument
    @Option(
        help: ArgumentHelp(
            "The file to write, by default <experiment>-<run>.tar.zst here; it mustn't be there yet.",
            valueName: "file"))
    var output: String?
    @Flag(help: "Pack the weights of models too.")
    var withWeights = false
    @OptionGroup var format: JSONOption

    func run() throws {
        try ExitCodes.reporting(asJSON: format.json) {
            let exporter = Exporter(
                try subject.location(), withWeights: withWeights, cancellation: .onSignals())
            let summary = try exporter.export(to: FilePath(output ?? "\(exporter.name).tar.zst"))
            try format.print(summary.text, summary.value)
        }
    }
}

/// `d3llm import` takes a run over that somebody exported.
struct ImportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Take a run that was exported into the store, if everything of it holds.",
        discussion: """
            Unpacks the file in a temporary folder, checks every hash, that each artifact is of the recipe that it says, \
            and that it was made from the others, and only then moves all to their places. What doesn't hold stops it, \
            and the store is as it was. Artifacts that are there are kept if they are the same; another one of the same \
            recipe is an error. Artifacts without weights can be read and checked; `d3llm run` makes them again.
            """)

    @Argument(help: "A file that `d3llm export` wrote.", completion: .file(extensions: ["zst"]))
    var file: String
    @OptionGroup var storage: StoreOptions
    @OptionGroup var format: JSONOption

    func run() throws {
        try ExitCodes.reporting(asJSON: format.json) {
            let summary = try Importer(into: storage.store, cancellation: .onSignals()).run(FilePath(file))
            try format.print(summary.text(store: storage.given), summary.value)
        }
    }
}
