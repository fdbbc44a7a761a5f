import ArgumentParser
import ArtifactStore
import Audit
import JSON
import Runs
import Stages

/// `d3llm determinism` measures how far stages give the same again.
struct DeterminismCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "determinism", abstract: "Measure whether stages give the same bytes again.",
        discussion: """
            Makes the first stage of each kind (or the named one) three times in a scratch folder: twice with one \
            thread, once with many, from inputs that have to be in the store. It is "bitwise" if all three are the \
            same, "bitwise for given threads" if the first two are, else "statistical", with the files that differ. \
            What was measured is kept in the store, in the experiment's folder determinism.
            """)

    @OptionGroup var experiment: ExperimentOptions
    @OptionGroup var storage: StoreOptions
    @Option(help: ArgumentHelp("Measure only this stage, or this variant.", valueName: "stage"))
    var stage: String?
    @Option(help: "Threads of the third time, all cores by default.")
    var threads: Int?
    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        guard let threads, threads < 2 else { return }
        throw ValidationError("--threads needs at least 2; this is \(threads).")
    }

    func run() throws {
        try ExitCodes.reporting {
            let options = DeterminismTest.Options(
                stage: stage, threads: threads ?? max(2, Machine.current.cores),
                machineExtras: { try NumericsFacts.recorded() }, compare: TensorDifference.largest)
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
}
