import ArgumentParser
import ArtifactStore
import Audit
import Recipes
import Runs
import Stages
import SystemPackage

/// `d3llm samples` writes the samples of a run for other programs.
struct SamplesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "samples", abstract: "Write the samples of a run's benchmarks for other programs.",
        discussion: """
            The form is that of lm-evaluation-harness 0.4.9: for each evaluation of a benchmark a folder with \
            results_<time>.json and samples_<task>_<time>.jsonl.
            """)

    @OptionGroup var subject: RunArgument

    @Option(
        name: .customLong("lm-eval"),
        help: ArgumentHelp("The folder to write to.", valueName: "folder"), completion: .directory)
    var folder: String

    @Option(help: "Only this stage, or one variant such as \"curve[threshold=0.5]\".")
    var stage: String?

    func run() throws {
        try ExitCodes.reporting {
            for path in try LMEvalExport.write(try subject.location(), stage: stage, to: FilePath(folder)) {
                Output.words("\(path)\n")
            }
        }
    }
}
