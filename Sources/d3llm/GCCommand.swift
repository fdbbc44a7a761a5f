import ArgumentParser
import ArtifactStore
import Audit
import Runs

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
