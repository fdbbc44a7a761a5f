import ArgumentParser
import ArtifactStore
import JSON
import ResultStages
import Runs
import SystemPackage

/// `d3llm power` says what so many repeats can tell.
struct PowerCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "power",
        abstract: "Say how many repeats a claim needs, before they are run.",
        discussion: """
            For 2 to 16 independent repeats: half of the interval's width and the smallest effect that is found with a \
            probability of 80 %. The spread is stated (--sd, the standard deviation of the paired log ratio in percent), \
            or that of the claims of a finished run with repeats.
            """)

    @Option(
        name: .customLong("sd"), parsing: .upToNextOption,
        help: ArgumentHelp(
            "Standard deviations of an effect between repeats, in percent.", valueName: "percent"))
    var deviations: [Double] = []

    @Option(
        parsing: .upToNextOption,
        help: ArgumentHelp(
            "Numbers of repeats after which the claims are judged, as \"looks\" of a summary.",
            valueName: "repeats"))
    var looks: [Int] = []

    @Argument(
        help: ArgumentHelp(
            "The folder of a run, its run.json, or an experiment's name for its newest run.", valueName: "run"
        ))
    var name: String?
    @OptionGroup var storage: StoreOptions
    @OptionGroup var output: JSONOption

    func validate() throws {
        guard (name == nil) != deviations.isEmpty else {
            throw ValidationError("Name a run with repeats, or state spreads: --sd 4.")
        }
        guard deviations.allSatisfy({ $0 > 0 && $0 <= 1000 }) else {
            throw ValidationError("--sd needs percents above 0, such as 4 for 4 %.")
        }
    }

    func run() throws {
        try ExitCodes.reporting(asJSON: output.json) {
            let page =
                if let name {
                    try PowerPage(
                        try RunLocation.find(name, in: storage.store), registry: D3LLM.registry, looks: looks)
                } else {
                    try PowerPage(percent: deviations, looks: looks)
                }
            try output.print(page.text, page.value)
        }
    }
}
