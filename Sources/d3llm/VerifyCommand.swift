import ArgumentParser
import ArtifactStore
import Audit
import Files
import History
import JSON
import Recipes
import Runs
import SystemPackage

/// `d3llm verify` checks a run.
struct VerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Check that a run's artifacts are what they say, and compute again what can be.",
        discussion: """
            Checks the run's record, every file of every artifact that the run names or that those were made from, \
            computes all numbers again from the records of samples and the logs of training, runs quick stages again \
            and compares the files byte for byte. With --rerun, random samples are decoded again too. Nothing is \
            written to the store. The exit code is 0 only if everything was checked and holds, else 1; \
            weights that were left out of an imported run don't count.
            """)

    @OptionGroup var subject: RunArgument
    @Option(help: ArgumentHelp("Decode this many random samples again.", valueName: "count"))
    var rerun: Int = 0
    @Option(help: "What the samples are drawn with; by default another each time, which is printed.")
    var seed: UInt64?
    @Option(help: "Threads to use, all cores by default.")
    var threads: Int?
    @Option(
        help: ArgumentHelp(
            "The configuration of a run whose record has none (format 1).", valueName: "file"),
        completion: .file(extensions: ["json"]))
    var config: String?
    @OptionGroup var permitted: PermissionOptions
    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        if rerun < 0 { throw ValidationError("--rerun needs a count of samples; this is \(rerun).") }
        if let threads, threads < 1 {
            throw ValidationError("--threads needs at least 1; this is \(threads).")
        }
    }

    func run() throws {
        let verification = try ExitCodes.reporting {
            var options = Verifier.Options(samples: rerun, threads: threads ?? Machine.current.cores)
            if let seed { options.seed = seed }
            options.permissions = permitted.permissions
            options.experiment = try config.map {
                try Experiment.load(FilePath($0), registry: D3LLM.registry)
            }
            return try Verifier(
                try subject.location(), registry: D3LLM.registry, options: options,
                reporter: .standardError(),
                cancellation: .onSignals()
            ).verify()
        }
        try ExitCodes.reporting {
            if json { try Output.json(verification.json) } else { Output.words(verification.text) }
        }
        if !verification.holds { throw ExitCodes.failure }
    }
}

/// A run, and where runs are looked up by name.
struct RunArgument: ParsableArguments {
    @Argument(
        help: ArgumentHelp(
            "The folder of a run, its run.json, or an experiment's name for its newest run.", valueName: "run"
        ))
    var name: String
    @OptionGroup var storage: StoreOptions

    func location() throws -> RunLocation { try RunLocation.find(name, in: storage.store) }

    /// The same, or of a run that hasn't ended what there is of it.
    func locationSoFar() throws -> RunLocation {
        do {
            return try location()
        } catch let error where error is RunRecordError || error is UnknownRunError {
            guard let (folder, experiment) = try? LiveRun.find(name, in: storage.store),
                !FileSystem.exists(folder.appending(RunRecord.fileName)),
                let configured = LiveRun.experiment(of: folder, registry: D3LLM.registry)
            else { throw error }
            let run = LiveRun(folder, experiment: experiment, in: storage.store, configured: configured)
            // Of a run that never said how far it is nothing can be shown.
            guard run.progress != nil else { throw error }
            return run.stopped
        }
    }
}
