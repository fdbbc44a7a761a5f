import ArgumentParser
import ArtifactStore
import Audit
import JSON
import Published
import Recipes
import Reporting
import ResultStages
import Runs
import Stages
import SystemPackage

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

/// `d3llm leaderboard` computes the published AUP again.
struct LeaderboardCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "leaderboard",
        abstract: "Compute every published AUP again from the published speeds and accuracies.",
        discussion: """
            Prints each area beside the published one. With --output, also writes the table and the figures: the \
            curves of each benchmark, radar charts, means and tokens per second, as SVG.

            With --later, prints the board with the points that TAD, LightningRL, MBD, SDAR and SGLang's d3LLM published since, \
            each area under the best accuracy of all and under the method's own; --add puts points of a file there, \
            written as configs/published/later.json is.
            """)

    @Option(
        help: ArgumentHelp("Write table and figures to this folder.", valueName: "folder"),
        completion: .directory)
    var output: String?
    @Flag(help: "Add what was published after the leaderboard.")
    var later = false
    @Option(
        help: ArgumentHelp("Add the points of this file.", valueName: "file"),
        completion: .file(extensions: ["json"]))
    var add: [String] = []
    @OptionGroup var published: PublishedOptions
    @OptionGroup var json: JSONOption

    func validate() throws {
        if output != nil, later || !add.isEmpty {
            throw ValidationError("--output writes the published board; --later and --add only print.")
        }
    }

    func run() throws {
        try ExitCodes.reporting(asJSON: json.json) {
            if later || !add.isEmpty { return try printLater() }
            let leaderboard = try Leaderboard(try published.load())
            let files = try output.map { try leaderboard.write(to: FilePath($0)) }
            try json.print(
                TextTableRenderer().render(leaderboard.table)
                    + (files.map { "\n\($0.count) files are in \(output ?? "").\n" } ?? ""),
                leaderboard.value)
        }
    }
}

extension LeaderboardCommand {
    private func printLater() throws {
        let files =
            (later ? [FilePath(published.path).appending("later.json")] : []) + add.map { FilePath($0) }
        let board = try LargerLeaderboard(
            Leaderboard(try published.load()), files.map { try LaterPoints(file: $0) })
        try json.print(TextTableRenderer().render(board.table), board.value)
    }
}

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
