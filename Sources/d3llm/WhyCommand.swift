import ArgumentParser
import Runs

/// `d3llm why` tells all that `d3llm plan` has no room for.
struct WhyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "why", abstract: "Say why a stage would run: what differs from what is in the store.",
        discussion: """
            Compares the stage's recipe with the one that it was made from before, or else with the nearest of its \
            kind in the store: each key that differs, old → new, and for each input that changed the reason for that.
            """)

    @Argument(
        help: "The stage, or one variant as in \"curve[threshold=0.1]\".", completion: StageNames.completion)
    var stage: String

    @OptionGroup var experiment: ExperimentOptions
    @OptionGroup var storage: StoreOptions
    @OptionGroup var output: JSONOption

    func run() throws {
        try ExitCodes.reporting(asJSON: output.json) {
            let plan = try Plan(try experiment.load(), store: storage.store)
            try output.print(try plan.reasons(for: stage), try plan.reasonsValue(for: stage))
        }
    }
}
