import ArgumentParser
import ArtifactStore
internal import Base
import Decoding
import JSON
import Numerics
import Recipes
import Runs
import SystemPackage

/// `d3llm evaluate` asks a model the questions of a benchmark.
struct EvaluateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate", abstract: "Ask a model a benchmark's questions, in one line.",
        discussion: """
            Writes the configuration, shows it and runs it, as `d3llm run` would: into the store, so that what was asked \
            before isn't asked again. --show prints the configuration only.

            MODEL is a folder of weights, an artifact of the store such as mini/first/student, or an input of data.lock such \
            as d3llm-llada. An artifact is asked the questions of its own experiment unless --task or --data says others, \
            with that experiment's lengths of answers and blocks.

              d3llm evaluate mini/first/student --limit 20
              d3llm evaluate d3llm-llada --task gsm8k-cot --limit 20 --method multi-block
            """)

    @Argument(help: QuickOptions.modelHelp, completion: .directory)
    var model: String

    @Option(
        help: "The decoding method; by default multi-block, or autoregressive for such a model.",
        completion: .list(DecodingMethod.all.map(\.name)))
    var method: String?

    @OptionGroup var quick: QuickOptions

    func run() throws {
        try quick.run(models: [model], methods: method.map { [$0] } ?? [], compares: false)
    }
}

/// `d3llm compare` puts models and methods into one table.
struct CompareCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare", abstract: "Compare decoding methods or models on a benchmark, in one line.",
        discussion: """
            As `d3llm evaluate`, for several methods or models: each model is asked with each method, and a table shows speed \
            and accuracy of all. The first of them is what the others are measured against.

              d3llm compare mini/first/student --methods vanilla,fast-dllm,multi-block --sweep threshold=0.2,0.5,0.9
              d3llm compare mini/first/teacher mini/first/student --methods vanilla,multi-block --limit 32
            """)

    @Argument(help: QuickOptions.modelHelp, completion: .directory)
    var models: [String]

    @Option(
        help: ArgumentHelp(
            "Decoding methods with commas between them; by default the one that suits the model.",
            valueName: "methods"))
    var methods: String?

    @OptionGroup var quick: QuickOptions

    func run() throws {
        let names = methods?.byteText.split(",").map(\.text) ?? []
        try quick.run(models: models, methods: names, compares: true)
    }
}

/// What `evaluate` and `compare` share.
struct QuickOptions: ParsableArguments {
    static let modelHelp = ArgumentHelp(
        "The model: a folder with config.json, weights and tokenizer, an artifact of the store, or an input of data.lock."
    )

    @Option(
        help: "The benchmark: \(QuickExperiment.tasks.joined(separator: ", ")).",
        completion: .list(QuickExperiment.tasks))
    var task: String?

    @Option(help: "A file of own questions instead (docs/own-data.md).", completion: .file())
    var data: String?

    @Option(help: "Only the first questions.")
    var limit: Int?

    @Option(
        name: .customLong("set"),
        help: ArgumentHelp(
            "An option of the methods, as in threshold=0.25; `d3llm methods METHOD` lists them.",
            valueName: "name=value"))
    var settings: [String] = []

    @Option(
        name: .customLong("sweep"),
        help: ArgumentHelp(
            "Several values of an option, as in threshold=0.1,0.5: each is asked and is a point of the table's curve.",
            valueName: "name=values"))
    var sweeps: [String] = []

    @Option(
        help:
            "Whose prompts of a benchmark: llada or dream; by default dream for models of that family, else llada."
    )
    var family: String?

    @Option(
        help: "How the model's linear layers are kept: float32, bfloat16 or int8.",
        completion: .list(WeightPrecision.allCases.map(\.rawValue)))
    var precision: String?

    @Option(help: "What random numbers are drawn from; by default as the model's experiment has it, else 0.")
    var seed: Int?

    @Flag(help: "Print the configuration and run nothing.")
    var show = false

    @Option(help: "Threads to use in all, all cores by default; results don't depend on them.")
    var threads: Int?

    @Flag(help: "Don't measure this machine first to say how long the run takes.")
    var noForecast = false

    @Flag(help: "Open no connection: inputs from outside are taken from the cache.")
    var offline = false

    @Flag(help: "Print what happens as JSON, one object a line (docs/json.md).")
    var json = false

    @OptionGroup var codeExecution: CodeExecutionOptions
    @OptionGroup var storage: StoreOptions

    func validate() throws {
        try ThreadsOption.check(threads)
        if task != nil, data != nil { throw ValidationError("Give --task or --data, not both.") }
        if let limit, limit < 1 {
            throw ValidationError("--limit needs at least 1; this is \(limit).")
        }
    }

    /// Makes the configuration of these models and methods, and runs it.
    func run(models: [String], methods: [String], compares: Bool) throws {
        try ExitCodes.reporting(asJSON: json, isLine: json && !show) {
            var request = QuickExperiment.Request(models: models, methods: methods)
            (request.task, request.data, request.limit) = (task, data, limit)
            (request.settings, request.sweeps) = (settings, sweeps)
            (request.family, request.precision, request.seed) = (family, precision, seed)
            request.compares = compares
            let made = try QuickExperiment.make(request, storage.store)
            let experiment = try made.configuration.experiment()
            for note in made.notes { Output.notice("\(note)\n") }
            let resolved = made.configuration.resolved(withDefaults: false)
            if show { return try Output.json(resolved) }
            if json {
                Output.event(["event": "configuration", "config": resolved])
            } else {
                Output.notice(told(made, experiment))
            }
            let outcome = try run(experiment)
            if json { return Output.event(outcome.event) }
            for stage in experiment.stages where made.evaluations.contains(stage.name) {
                let summary = outcome.stages.first { $0.stage == stage.id }?.artifact.record.summary ?? ""
                Output.words("\(stage.id): \(summary)\n")
            }
            outcome.showTables()
            if let record = outcome.record { Output.words(next(experiment, record)) }
        }
    }

    /// What the log tells is told to; nil without --json.
    private var events: (@Sendable (ProgressEvent) -> Void)? {
        guard json else { return nil }
        return { Output.event($0.value) }
    }

    private func run(_ experiment: Experiment) throws -> RunOutcome {
        var permissions = codeExecution.permissions
        permissions.network = !offline
        let granted = permissions
        var options = Runner.Options(
            threads: ThreadsOption.count(threads), arguments: CommandLine.arguments,
            machineExtras: { try ExperimentRun.machineFacts(experiment, granted) })
        options.permissions = permissions
        return try ExperimentRun.run(
            experiment, storage.store, options, .standardError(events: events), forecasts: !noForecast)
    }

    /// The configuration in a few lines.
    private func told(_ made: QuickExperiment.Result, _ experiment: Experiment) -> String {
        let written = made.written.map { "  \($0)\n" }.joined()
        return "\(experiment.name), a configuration of these stages (--show prints all of it):\n\(written)"
    }

    /// How to go on from here.
    private func next(_ experiment: Experiment, _ record: FilePath) -> String {
        let store = storage.given.map { " --store \(ShellWord.quoted($0))" } ?? ""
        let file = ShellWord.quoted(record.appending(RunRecord.experimentFileName).string)
        return """

            Repeat it: d3llm run \(file)\(store)
            See it: d3llm report \(experiment.name)\(store)

            """
    }
}
