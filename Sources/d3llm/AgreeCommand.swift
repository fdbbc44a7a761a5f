import ArgumentParser
import ArtifactStore
import JSON
import ResultStages
import SystemPackage

/// `d3llm agree` sets a run's table beside a recorded one.
struct AgreeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "agree",
        abstract: "Say whether a run's table is the recorded one, and if not, how far off.",
        discussion: """
            On processors with FMA and AVX2 the table of the same configuration is the recorded one, byte for byte. On \
            others each number is shown beside the recorded one and what recorded repeats span. The exit code is 0 \
            whether they agree or not.
            """)

    @Argument(
        help: ArgumentHelp(
            "The folder of a run, its run.json, or an experiment's name for its newest run.", valueName: "run"
        ))
    var name: String
    @Argument(
        help: ArgumentHelp(
            "A folder of recorded results, as make record writes it.", valueName: "results"),
        completion: .directory)
    var results: String
    @OptionGroup var storage: StoreOptions
    @OptionGroup var output: JSONOption

    func run() throws {
        try ExitCodes.reporting(asJSON: output.json) {
            let agreement = try Agreement(
                try RunLocation.find(name, in: storage.store), recorded: FilePath(results))
            try output.print(agreement.text, agreement.value)
        }
    }
}
