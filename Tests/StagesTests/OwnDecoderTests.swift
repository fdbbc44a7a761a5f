import ArtifactStore
import Files
import JSON
import Recipes
import Runs
import SystemPackage
import TestSupport
import Testing

@testable import Decoding
@testable import DecodingStages
@testable import StageBasics
@testable import Stages

/// A decoder whose options have names of their own, as somebody may write one.
private struct SurestFirst: Decoder {
    struct Options: DecoderOptions {
        var budget = 12
        var knowsItsEffort = true

        init() {}

        init(_ fields: Fields, defaults: Options) {
            budget = fields.option(
                "budget", default: defaults.budget, in: 1...100, "Tokens.", meaning: .responseLength)
            knowsItsEffort = fields.option("knows", default: true, "Whether it tells its effort.")
        }

        var lengths: DecodingLengths { DecodingLengths(response: budget) }

        func effort(prompt: Double, answer: Double) -> DecodingEffort? {
            guard knowsItsEffort else { return nil }
            return DecodingEffort(
                forwards: Double(budget), tokens: prompt + Double(budget), logitRows: Double(budget))
        }
    }

    static let method = DecodingMethod("surest-first", "The surest token of all.", defaults: Options()) {
        SurestFirst($0, $1)
    }

    private(set) var state: DecodingState
    /// A model may predict the mask itself, which counts as decided.
    private var decided: Set<Int> = []

    init(_ task: DecodingTask, _ options: Options) {
        state = DecodingState(task, maskCount: options.budget, choice: TokenChoice())
    }

    var maximumLength: Int { state.tokens.count }

    mutating func nextRequest() -> ForwardRequest? {
        let masks = state.generated.filter { !decided.contains($0) }
        guard !masks.isEmpty else { return nil }
        state.evaluations += 1
        return state.issue(
            ForwardRequest(.full, inputs: 0..<state.tokens.count, candidates: masks), blocks: [])
    }

    mutating func accept(_ predictions: [Prediction]) -> StepRecord {
        let best = predictions.min { $0.doubt < $1.doubt }
        if let best { decided.insert(best.position) }
        return state.complete(accepting: best.map { [$0] } ?? [])
    }
}

/// The stage `evaluate` with that decoder in the place of the one that the configuration names.
private struct OwnEvaluateStage: StageKind {
    static let name = "own-evaluate"
    static let version = 1
    static let summary = "Decodes with a method of the test."
    static let output = ArtifactType.samples

    var stage: EvaluateStage

    init(_ fields: Fields) {
        let budget = fields.integer("budget", in: 1...100, "Tokens.")
        let knows = fields.flag("knows", default: true, "Whether the effort is known.")
        stage = EvaluateStage(fields)
        stage.decoder = DecoderFields(
            SurestFirst.method, ["budget": .integer(budget), "knows": .bool(knows)])
    }

    func facts(_ context: ForecastContext) -> Facts { stage.facts(context) }
    func forecast(_ context: ForecastContext) -> StageForecast? { stage.forecast(context) }
    func run(_ context: StageContext) throws -> StageResult { try stage.run(context) }
}

/// Tokens are counted by the lengths that a method states, and forecasts go by the effort that it states.
@Suite struct OwnDecoderTests {
    private let registry = StageRegistry(Stages.registry.kinds + [OwnEvaluateStage.self])

    private func experiment() throws -> Experiment {
        let text = #"""
            {"name": "own", "stages": {
              "p": {"kind": "synthesize", "train": 8, "test": 4}, "k": {"kind": "tokenizer", "corpus": "@p"},
              "m": {"kind": "pretrain", "data": "@p", "tokenizer": "@k",
                "model": {"layers": 1, "width": 8, "heads": 1, "feedForwardWidth": 8}, "phases": [
                {"name": "a", "steps": 1, "mixture": [{"objective": "llada", "rows": 1}]}]},
              "short": {"kind": "own-evaluate", "budget": 3, "model": "@m", "data": "@p", "decoder": {"method": "vanilla"}},
              "long": {"kind": "own-evaluate", "budget": 12, "model": "@m", "data": "@p", "decoder": {"method": "vanilla"}},
              "unknown": {"kind": "own-evaluate", "budget": 12, "knows": false, "model": "@m", "data": "@p",
                "decoder": {"method": "vanilla"}}
            }}
            """#
        return try Experiment.parse(Array(text.utf8), name: "own.json", registry: registry)
    }

    @Test func tokensCountUpToTheLengthThatTheMethodStates() throws {
        let scratch = try ScratchFolder()
        let runner = Runner(
            try experiment(), store: Store(scratch.path.appending("store")),
            options: .init(threads: 1, only: ["short", "long"]))
        let outcome = try runner.run()
        for (stage, budget) in [("short", 3), ("long", 12)] {
            let artifact = try #require(outcome.artifact(stage))
            let metrics = artifact.record.metrics
            let tokens = try #require(metrics["tokens"]?.int)
            #expect(tokens > 0 && tokens <= 4 * budget)
            #expect(metrics["forwards"]?.int == 4 * budget)
            let records = try Journal.read(artifact.folder.appending("samples.jsonl"))
            #expect(records.count == 4)
        }
    }

    @Test func forecastsGoByTheEffortThatTheMethodStates() throws {
        struct Meter: SpeedMeter {
            func seconds(of work: Work) -> Double? {
                guard let work = ModelWork(work), work.operations > 1 else { return 0 }
                return work.operations / 1e6
            }
        }
        let scratch = try ScratchFolder()
        let plan = try Plan(
            try experiment(), store: Store(scratch.path.appending("store")),
            forecaster: Forecaster(Meter(), threads: 1))
        func seconds(_ stage: String) throws -> Double? {
            try #require(plan.entries.first { $0.stage == stage }).forecast?.seconds
        }
        let short = try #require(try seconds("short"))
        let long = try #require(try seconds("long"))
        // Four times the forwards, each larger.
        #expect(long > 4 * short && long < 16 * short, "\(short) \(long)")
        #expect(try seconds("unknown") == nil)
    }

    @Test("a second model judges an evaluation's drafts, and one with other tokens is refused")
    func verifier() throws {
        let text = #"""
            {"name": "two", "stages": {
              "p": {"kind": "synthesize", "train": 8, "test": 4}, "k": {"kind": "tokenizer", "corpus": "@p"},
              "q": {"kind": "synthesize", "task": "sudoku-4x4", "train": 8, "test": 4}, "l": {"kind": "tokenizer", "corpus": "@q"},
              "m": {"kind": "pretrain", "data": "@p", "tokenizer": "@k",
                "model": {"layers": 1, "width": 8, "heads": 1, "feedForwardWidth": 8}, "phases": [
                {"name": "a", "steps": 1, "mixture": [{"objective": "llada", "rows": 1}]}]},
              "small": {"kind": "pretrain", "data": "@p", "tokenizer": "@k",
                "model": {"layers": 1, "width": 4, "heads": 1, "feedForwardWidth": 4, "logitShift": true, "causal": true}, "phases": [
                {"name": "a", "steps": 1, "mixture": [{"objective": "autoregressive", "rows": 1}]}]},
              "other": {"kind": "pretrain", "data": "@q", "tokenizer": "@l",
                "model": {"layers": 1, "width": 4, "heads": 1, "feedForwardWidth": 4}, "phases": [
                {"name": "a", "steps": 1, "mixture": [{"objective": "llada", "rows": 1}]}]},
              "judged": {"kind": "evaluate", "model": "@m", "data": "@p", "verifier": "@small",
                "decoder": {"method": "apd", "generationLength": 8, "temperature": 0}},
              "misjudged": {"kind": "evaluate", "model": "@m", "data": "@p", "verifier": "@other",
                "decoder": {"method": "apd", "generationLength": 8, "temperature": 0}}
            }}
            """#
        let experiment = try Experiment.parse(Array(text.utf8), name: "two.json", registry: Stages.registry)
        let scratch = try ScratchFolder()
        func run(_ stage: String) throws -> RunOutcome {
            try Runner(
                experiment, store: Store(scratch.path.appending("store")),
                options: .init(threads: 1, only: [stage])
            ).run()
        }
        let metrics = try #require(try run("judged").artifact("judged")).record.metrics
        let forwards = try #require(metrics["forwards"]?.int)
        #expect(forwards >= 4 && forwards <= 4 * 8)
        let error = #expect(throws: (any Error).self) { try run("misjudged") }
        #expect("\(error, default: "")".contains("two models can only decode together with the same tokens"))
    }
}
