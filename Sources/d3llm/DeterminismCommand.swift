import ArgumentParser
import ArtifactStore
import Audit
import JSON
import Numerics
import Recipes
import Runs
import Slurm
import Stages
import SystemPackage

/// `d3llm determinism` measures how far stages give the same again.
struct DeterminismCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "determinism", abstract: "Measure whether stages give the same bytes again.",
        discussion: """
            Makes the first stage of each kind (or the named one) three times in a scratch folder: twice with one \
            thread, once with many, from inputs that have to be in the store. It is "bitwise" if all three are the \
            same, "bitwise for given threads" if the first two are, else "statistical", with the files that differ. \
            What was measured is kept in the store, in the experiment's folder determinism.

            --levels runs the experiment twice in scratch stores instead, at two instruction levels of this CPU: with \
            AVX-512 and with AVX2, or with AVX2 and without vectors where there is no AVX-512. It tells the first \
            artifact whose bytes differ.
            """)

    @OptionGroup var experiment: ExperimentOptions
    @OptionGroup var storage: StoreOptions
    @Option(help: ArgumentHelp("Measure only this stage, or this variant.", valueName: "stage"))
    var stage: String?
    @Option(help: "Threads of the third time, all cores by default.")
    var threads: Int?
    @OptionGroup var permitted: PermissionOptions
    @Flag(help: "Run the experiment at two instruction levels and compare all bytes.")
    var levels = false
    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        if levels, stage != nil || json {
            throw ValidationError(
                "--levels compares whole experiments in words: leave out --stage and --json.")
        }
        guard let threads, threads < 2 else { return }
        throw ValidationError("--threads needs at least 2; this is \(threads).")
    }

    func run() throws {
        try ExitCodes.reporting {
            guard !levels else { return try compareLevels() }
            let options = DeterminismTest.Options(
                stage: stage, threads: threads ?? max(2, Machine.current.cores),
                permissions: permitted.permissions, machineExtras: { try NumericsFacts.recorded() },
                compare: TensorDifference.largest)
            let reports = try DeterminismTest(
                try experiment.load(), store: storage.store, options: options, reporter: .standardError(),
                cancellation: .onSignals()
            ).measure()
            guard json else {
                Output.words(DeterminismReport.table(reports))
                return
            }
            let value: JSONValue = ["stages": .array(reports.map(\.json))]
            try Output.json(value)
        }
    }

    /// Runs the experiment at two levels, each in a process and a store of its own.
    private func compareLevels() throws {
        let chosen = Array(Kernels.levels.prefix(2))
        guard chosen.count == 2, Kernels.isFused else {
            Output.words(
                "Nothing was compared: this CPU has one instruction level only, \(Kernels.level). Results can differ from those of x86-64-v3 in their last bits.\n"
            )
            return
        }
        let loaded = try experiment.load()
        let scratch = try ScratchSpace()
        for level in chosen {
            Output.notice("determinism: running \(loaded.name) at \(level)\n")
            let command =
                try ["env", "D3LLM_LEVEL=\(level)", Launcher.ownProgram, "run", experiment.config]
                + experiment.settings().flatMap { ["--set", $0] }
                + ["--store", scratch.path.appending(level).string, "--no-forecast"]
                + permitted.arguments
                + (threads.map { ["--threads", "\($0)"] } ?? [])
            let code = Subprocess.run(command)
            guard code == 0 else {
                throw MissingArtifactError(
                    description:
                        "The run at \(level) ended with \(code.map { "code \($0)" } ?? "no code: it couldn't be started"). What it wrote above says why."
                )
            }
        }
        let stores = chosen.map { Store(scratch.path.appending($0)) }
        // Repeats may have ended before the last look.
        let look = try stores.compactMap { try Runner(loaded, store: $0).currentLook() }
            .min { $0.number < $1.number }
        let comparison = try LevelComparison(
            loaded, stages: look.map { loaded.at($0).stages } ?? loaded.stages, levels: chosen,
            stores: stores,
            tensor: TensorDifference.first, largest: TensorDifference.largest)
        Output.words(comparison.text)
        if chosen.first != "v4" {
            Output.words(
                "Not compared: v4, which this CPU hasn't. \"plain\" runs the same sixteen lanes one by one.\n"
            )
        }
        guard comparison.first == nil else { throw ExitCodes.failure }
    }
}
