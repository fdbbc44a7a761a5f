import ArgumentParser
import ArtifactStore
import Audit
import JSON

/// `d3llm diff` compares two runs.
struct DiffCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff", abstract: "Say in which numbers two runs differ, and why.",
        discussion: """
            For each stage of both runs that gave other numbers or files: what differs, old → new, and what explains \
            it: keys of its recipe, what it inherits from earlier stages, another program or machine - or nothing \
            that is recorded. The runs may lie in different stores when they are given by their folders. The exit \
            code is 0 whether they differ or not.
            """)

    @Argument(
        help: ArgumentHelp(
            "The folder of a run, its run.json, or an experiment's name for its newest run.", valueName: "run"
        ))
    var old: String
    @Argument(help: ArgumentHelp("The run to compare with it.", valueName: "other-run"))
    var new: String
    @OptionGroup var storage: StoreOptions
    @Flag(help: "Print JSON.")
    var json = false

    func run() throws {
        try ExitCodes.reporting {
            let difference = try RunDifference(
                try RunLocation.find(old, in: storage.store), try RunLocation.find(new, in: storage.store))
            if json { try Output.json(difference.json) } else { Output.words(difference.text) }
        }
    }
}
