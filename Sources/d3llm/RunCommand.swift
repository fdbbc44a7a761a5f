import ArgumentParser
import Pipeline
import SystemPackage

struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Run the stages of an experiment that aren't in the store yet.")

    @OptionGroup var experiment: ExperimentOptions
    @OptionGroup var storage: StoreOptions

    @Option(help: "Threads to use; results don't depend on them.")
    var threads: Int = Machine.current.cores

    @Option(help: ArgumentHelp("Run only this stage and what it needs.", valueName: "stage"))
    var only: [String] = []

    @Option(help: ArgumentHelp("Make this stage again although it is in the store.", valueName: "stage"))
    var force: [String] = []

    func validate() throws {
        guard threads >= 1 else { throw ValidationError("--threads needs at least 1; this is \(threads).") }
    }

    func run() throws {
        try ExitCodes.reporting {
            let options = Runner.Options(
                threads: threads, only: only, force: force, arguments: CommandLine.arguments)
            let runner = Runner(
                try experiment.load(), store: storage.store, options: options, reporter: .standardError(),
                cancellation: .onSignals())
            for report in try runner.run().reports {
                print(report, terminator: report.hasSuffix("\n") ? "" : "\n")
            }
        }
    }
}

/// The configuration and what the command line changes in it.
struct ExperimentOptions: ParsableArguments {
    @Argument(help: "The configuration of the experiment.", completion: .file(extensions: ["json"]))
    var config: String

    @Option(
        name: .customLong("set"),
        help: ArgumentHelp("Change a key, as in stages.curve.decoder.delay=1.", valueName: "path=value"))
    var overrides: [String] = []

    func load() throws -> Experiment {
        try Experiment.load(FilePath(config), overrides: overrides, registry: D3LLM.registry)
    }
}

/// Where artifacts are.
struct StoreOptions: ParsableArguments {
    @Option(name: .customLong("store"), help: "The folder of artifacts.", completion: .directory)
    var path: String = "store"

    var store: Store { Store(FilePath(path)) }
}
