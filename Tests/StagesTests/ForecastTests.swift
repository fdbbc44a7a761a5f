import Decoding
import Files
import JSON
import SystemPackage
import TestSupport
import Testing
import Transformers

@testable import ArtifactStore
@testable import DecodingStages
@testable import Recipes
@testable import Runs
@testable import StageBasics
@testable import Stages

/// A machine of 10 GFLOP/s per thread whose other work takes no time.
private struct CountingMeter: SpeedMeter {
    func seconds(of work: Work) -> Double? {
        guard let work = ModelWork(work), work.operations > 1 else { return 0 }
        return work.operations / 1e10
    }
}

/// A machine that writes a megabyte a second and a step of training in a tenth of one.
private struct WritingMeter: SpeedMeter {
    func seconds(of work: Work) -> Double? {
        switch ModelWork(work) {
        case .writeMegabyte: 1
        case .adapterGradient: 0.1
        default: 0
        }
    }
}

@Suite struct ForecastTests {
    let scratch: ScratchFolder
    let store: Store

    init() throws {
        scratch = try ScratchFolder()
        store = Store(scratch.path.appending("store"))
    }

    private func plan(_ text: String, speed: any SpeedMeter = CountingMeter(), threads: Int = 2) throws
        -> Plan
    {
        let experiment = try Experiment.parse(
            Array(text.utf8), name: "test.json", overrides: [], registry: Stages.registry)
        return try Plan(experiment, store: store, forecaster: Forecaster(speed, threads: threads))
    }

    /// A model of the shape of LLaDA-8B, trained and decoded.
    static let large = """
        {"name": "large", "stages": {
          "problems": {"kind": "synthesize", "train": 1000, "test": 1000},
          "tokenizer": {"kind": "tokenizer", "corpus": "@problems"},
          "teacher": {"kind": "pretrain", "data": "@problems", "tokenizer": "@tokenizer", "generationLength": 256,
            "model": {"layers": 32, "width": 4096, "heads": 32, "feedForwardWidth": 12288},
            "phases": [{"name": "sft", "steps": 1000, "optimizer": {"kind": "adamw"},
              "mixture": [{"objective": "llada", "rows": 32}]}]},
          "vanilla": {"kind": "evaluate", "model": "@teacher", "data": "@problems",
            "decoder": {"method": "vanilla", "generationLength": 256, "blockLength": 32}},
          "again": {"kind": "distill", "teacher": "@teacher", "trajectories": "@trajectories", "data": "@problems",
            "adapter": {"rank": 16}},
          "trajectories": {"kind": "trajectories", "teacher": "@teacher", "data": "@problems", "count": 100,
            "blockLength": 32, "generationLength": 256}
        }}
        """

    @Test("a checkpoint is made between two steps at most, and after each where no seconds have to pass")
    func checkpoints() throws {
        func seconds(_ interval: Double) throws -> Double {
            let text = Self.large.replacing(
                "\"adapter\": {\"rank\": 16}",
                with: "\"adapter\": {\"rank\": 16}, \"steps\": 40, \"checkpointSeconds\": \(interval)")
            return try #require(
                forecast("again", plan(text, speed: WritingMeter(), threads: 1)).seconds)
        }
        let training = try seconds(86_400)
        let each = try seconds(0) - training
        let often = try seconds(0.001) - training
        #expect(each > 40 && abs(often - each) < each / 1000)
        // Half as many where two steps pass between them.
        let half = try seconds(2 * training / 40) - training
        #expect(abs(half - each / 2) < each / 100)
    }

    private func forecast(_ stage: String, _ plan: Plan) throws -> StageForecast {
        try #require(plan.entries.first { $0.stage == stage }?.forecast)
    }

    @Test func aModelOfPaperScaleTakesDaysAndMoreMemoryThanThereIs() throws {
        let plan = try plan(Self.large)
        // Without embeddings and head, 32 layers of 4 · 4096² + 3 · 4096 · 12288 weights.
        let weights = 32 * (4 * 4096.0 * 4096 + 3 * 4096.0 * 12288)
        let teacher = try forecast("teacher", plan)
        let tokens = 32 * 285.0 * 1000
        let products = 6 * weights * tokens / 1e10
        let training = try #require(teacher.seconds)
        #expect(training > 0.95 * products && training < 1.2 * products)
        // Weights, four lanes of gradients, two moments.
        #expect(Double(try #require(teacher.memory)) > 7 * 4 * weights)
        #expect(Double(try #require(teacher.disk)) > 4 * weights)
        let vanilla = try forecast("vanilla", plan)
        // 256 forwards of prompt and response per problem, two problems at a time.
        let forwards = 2 * weights * 285 * 256 * 1000 / 1e10 / 2
        let decoding = try #require(vanilla.seconds)
        #expect(decoding > 0.95 * forwards && decoding < 1.2 * forwards)
        #expect(Double(try #require(vanilla.memory)) > 4 * weights)
        #expect(try #require(plan.forecast?.seconds) > 86_400 * 10)
        #expect(try #require(plan.forecast).unknown.isEmpty)
        #expect(plan.forecast?.memory?.stage == "teacher" || plan.forecast?.memory?.stage == "again")
    }

    @Test func averagedWeightsAreACopyMore() throws {
        func memory(_ text: String) throws -> (teacher: Double, student: Double) {
            let plan = try plan(text)
            return (
                Double(try #require(try forecast("teacher", plan).memory)),
                Double(try #require(try forecast("again", plan).memory))
            )
        }
        let plain = try memory(Self.large)
        let averaged = try memory(
            Self.large.replacing(#""model": {"layers""#, with: #""average": {}, "model": {"layers""#)
                .replacing(#""adapter": {"rank": 16}"#, with: #""adapter": {"rank": 16}, "average": {}"#))
        let weights = 32 * (4 * 4096.0 * 4096 + 3 * 4096.0 * 12288)
        #expect(abs((averaged.teacher - plain.teacher) / (4 * weights) - 1) < 0.05)
        // Of an adapter, the copy is of its matrices only.
        let student = averaged.student - plain.student
        #expect(student > 0 && student < 0.05 * 4 * weights)
    }

    /// The measured speed of a few passes of a smaller copy is enough, and is found in time.
    @Test func aModelOfPaperScaleIsProbedInSeconds() throws {
        let clock = ContinuousClock.now
        let plan = try plan(Self.large, speed: MachineProbe(threads: 2, store: store))
        let took = clock.duration(to: .now)
        // Seconds on an idle machine. A pass of the model itself would take hours, so that a busy one can't decide this.
        #expect(took < .seconds(900), "\(took)")
        #expect(try #require(plan.forecast?.seconds) > 86_400)
        #expect(!FileSystem.exists(store.root))
    }

    @Test func stepsOfATrainingThatAreDoneAreTakenOff() throws {
        let micro = try MicroTexts.experiment
        let before = try #require(try forecast("teacher", plan(micro)).seconds)
        let experiment = try Experiment.parse(
            Array(micro.utf8), name: "micro.json", overrides: [], registry: Stages.registry)
        let stage = try #require(experiment["teacher"])
        let runner = Runner(
            experiment, store: store, options: .init(threads: 2, only: ["teacher"]),
            cancellation: Cancellation { [store] in
                FileSystem.exists(
                    store.workFolder(stage.fingerprint).appending("checkpoint.safetensors"))
            })
        #expect(throws: RunInterrupted.self) { try runner.run() }
        let plan = try plan(micro)
        #expect(plan.entries.first { $0.stage == "teacher" }?.status == .resume)
        #expect(try #require(try forecast("teacher", plan).seconds) < before)
    }

    @Test(arguments: [
        // (options, forwards per response of 40 tokens in 48, tokens per forward with a prompt of 28)
        (#""method": "vanilla", "earlyStop": true"#, 40.0, 76.0),
        (#""method": "vanilla""#, 48, 76),
        (#""method": "vanilla", "steps": 12"#, 12, 76),
        (#""method": "autoregressive""#, 40, 1.7),
        // What models of the mini experiment took.
        (#""method": "fast-dllm", "threshold": 0.9, "earlyStop": true"#, 17.1, 76),
        (#""method": "fast-dllm", "threshold": 0.5, "earlyStop": true"#, 8.4, 76),
        (#""method": "fast-dllm-prefix-cache", "threshold": 0.9, "earlyStop": true"#, 20.3, 47),
        (#""method": "entropy", "threshold": 0.3, "earlyStop": true"#, 8.9, 76),
        (#""method": "multi-block", "threshold": 0.3"#, 6.8, 76),
        (#""method": "multi-block-cache", "threshold": 0.3, "refreshInterval": 3"#, 6.8, 55),
        (#""method": "d2f", "skipThreshold": 1, "earlyStop": true"#, 39, 11.2),
        (#""method": "d2f", "skipThreshold": 0.9, "earlyStop": true"#, 9.9, 16),
    ])
    func decodersMakeAboutSoManyForwards(options: String, forwards: Double, tokens: Double) throws {
        let length =
            #""generationLength": 48"# + (options.contains("autoregressive") ? "" : #", "blockLength": 8"#)
        let experiment = try Experiment.parse(
            Array(
                #"""
                {"name": "t", "stages": {
                  "p": {"kind": "synthesize"}, "k": {"kind": "tokenizer", "corpus": "@p"},
                  "m": {"kind": "pretrain", "data": "@p", "tokenizer": "@k", "model": {}, "phases": [
                    {"name": "a", "steps": 1, "mixture": [{"objective": "llada", "rows": 1}]}]},
                  "e": {"kind": "evaluate", "model": "@m", "data": "@p", "decoder": {\#(length), \#(options)}}}}
                """#.utf8), name: "t.json", overrides: [], registry: Stages.registry)
        let stage = try #require(experiment["e"]?.implementation as? EvaluateStage)
        let effort = try #require(try stage.decoder.setup().effort(prompt: 28, answer: 40))
        #expect(effort.forwards > 0.7 * forwards && effort.forwards < 1.45 * forwards, "\(effort)")
        #expect(effort.tokens > 0.7 * tokens && effort.tokens < 1.45 * tokens, "\(effort)")
    }

    @Test func worksSurvivesBeingAskedForByName() throws {
        var c = TransformerConfiguration(
            layers: 3, width: 16, heads: 4, keyValueHeads: 2, feedForwardWidth: 40, vocabulary: 50)
        c.tiedHead = true
        let shape = PassShape(c, sequences: 5, tokens: 9, cached: 3, logitRows: 2)
        for work: ModelWork in [
            .forward(shape), .gradient(shape, keepsActivations: true),
            .gradient(shape, keepsActivations: false),
            .optimizer(c, isMuon: true), .optimizer(c, isMuon: false), .decoderStep, .generateProblem,
            .readProblem, .bootstrap, .writeMegabyte,
        ] {
            #expect(ModelWork(work.work) == work)
        }
        #expect(ModelWork(Work("another", [:])) == nil)
        #expect(ModelWork(Work("forward", [:])) == nil)
    }

    @Test func operationsAreThoseOfTheProducts() {
        let c = TransformerConfiguration(
            layers: 2, width: 8, heads: 2, feedForwardWidth: 24, vocabulary: 32)
        let shape = PassShape(c, sequences: 3, tokens: 10, logitRows: 4)
        let block = 2 * (4 * 8 * 8 + 3 * 8 * 24) + 4 * 8 * 10
        let forward = Double(3 * (10 * 2 * block + 4 * 2 * 8 * 32))
        #expect(shape.forwardOperations == forward)
        #expect(shape.trainingOperations == 3 * forward + 3 * 4 * 2 * 8 * 32)
        let reduced = shape.reduced(operations: forward / 1.5, parameters: 100_000)
        #expect(reduced.configuration.layers == 1 && reduced.forwardOperations <= forward / 1.5)
        #expect(reduced.configuration.problem == nil)
    }

    @Test func theProbeMeasuresEveryKindOfWork() throws {
        let probe = MachineProbe(threads: 2, store: Store(scratch.path.appending("nowhere")))
        let c = TransformerConfiguration(
            layers: 1, width: 16, heads: 2, feedForwardWidth: 32, vocabulary: 40)
        let shape = PassShape(c, sequences: 2, tokens: 8, cached: 6, logitRows: 4)
        let plain = PassShape(c, sequences: 2, tokens: 8, logitRows: 4)
        for work: ModelWork in [
            .forward(shape), .forward(plain), .gradient(plain, keepsActivations: true),
            .optimizer(c, isMuon: true), .optimizer(c, isMuon: false), .decoderStep, .generateProblem,
            .readProblem, .bootstrap,
        ] {
            let seconds = try #require(probe.seconds(of: work.work), "\(work)")
            #expect(seconds > 0 && seconds < 10, "\(work): \(seconds)")
            // Measured once.
            #expect(probe.seconds(of: work.work) == seconds)
        }
        #expect(try FileSystem.list(scratch.path).filter { !$0.hasSuffix(".out") } == [])
    }
}

private enum MicroTexts {
    static var experiment: String {
        get throws { try FileSystem.readText(Fixtures.path("experiments/micro.json")) }
    }
}
