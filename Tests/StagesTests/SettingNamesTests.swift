import ArtifactStore
import Files
import JSON
import Recipes
import Runs
import SystemPackage
import TestSupport
import Testing

@testable import ResultStages
@testable import Stages

/// What tables call settings depends on recipes alone, so that one fingerprint has one content.
@Suite struct SettingNamesTests {
    /// The names for settings given by their decoders.
    private func names(_ decoders: [JSONValue]) -> [String] { SettingNames.of(decoders.map { recipe($0) }) }

    private func recipe(
        _ decoder: JSONValue, limit: Int? = nil, model: String = "aaaaaaaaaaaaaaaa", seed: Int = 1
    ) -> JSONValue {
        var config: JSONObject = ["decoder": decoder, "groupSize": 16]
        if let limit { config["limit"] = .integer(limit) }
        return [
            "format": 1, "kind": "evaluate", "version": 1, "config": .object(config),
            "inputs": ["model": .string(model), "data": "bbbbbbbbbbbbbbbb"], "seed": .integer(seed),
        ]
    }

    @Test func aLoneSettingIsCalledByItsMethod() {
        #expect(names([["method": "vanilla", "blockLength": 8]]) == ["vanilla"])
        #expect(names([["method": "autoregressive"]]) == ["autoregressive"])
        #expect(SettingNames.of([["kind": "other", "config": [:]]]) == ["other"])
        #expect(names([]) == [])
    }

    @Test func aSweepIsCalledByWhatIsSweptAndItsSlowestPointByItsMethod() {
        #expect(
            names([
                ["method": "vanilla", "blockLength": 8],
                ["method": "entropy", "blockLength": 8, "threshold": 0.1],
                ["method": "entropy", "blockLength": 8, "threshold": 1],
            ]) == ["vanilla", "threshold 0.1", "threshold 1"])
        // 1 and 1.0 have one fingerprint, and so one name.
        #expect(
            names([["method": "d2f", "skipThreshold": 1.0], ["method": "d2f", "skipThreshold": 0.9]])
                == ["skipThreshold 1", "skipThreshold 0.9"])
    }

    @Test("several options come in the order of the alphabet, whatever the order of the recipe's keys")
    func order() {
        let one: JSONValue = ["method": "multi-block", "threshold": 0.1, "earlyStop": true]
        let same: JSONValue = ["earlyStop": true, "threshold": 0.1, "method": "multi-block"]
        let other: JSONValue = ["method": "multi-block", "earlyStop": false, "threshold": nil]
        let expected = ["earlyStop true, threshold 0.1", "earlyStop false, threshold null"]
        #expect(names([one, other]) == expected)
        #expect(names([same, other]) == expected)
    }

    @Test func anOptionThatIsNotGivenHasTheMethodsValue() {
        #expect(
            names([["method": "multi-block"], ["method": "multi-block", "idleEvaluation": "corrected"]])
                == ["idleEvaluation faithful", "idleEvaluation corrected"])
        let whole = recipe(["method": "vanilla"])
        #expect(
            SettingNames.of([whole, recipe(["method": "vanilla"], limit: 9)]) == ["no limit", "limit 9"])
    }

    @Test func sweepsOfSeveralMethodsSayWhichOneTheyAre() {
        #expect(
            names([
                ["method": "vanilla"], ["method": "entropy", "threshold": 0.1],
                ["method": "entropy", "threshold": 0.2], ["method": "fast-dllm", "threshold": 0.1],
                ["method": "fast-dllm", "threshold": 0.2],
            ]) == [
                "vanilla", "entropy, threshold 0.1", "entropy, threshold 0.2", "fast-dllm, threshold 0.1",
                "fast-dllm, threshold 0.2",
            ])
    }

    @Test func settingsThatDifferInTheirInputsOnlyAreToldApartByThem() {
        let decoder: JSONValue = ["method": "vanilla"]
        #expect(
            SettingNames.of([recipe(decoder), recipe(decoder, model: "cccccccccccccccc")])
                == ["model aaaaaaaaaaaa", "model cccccccccccc"])
        // Where the seed tells them apart, no fingerprint is needed.
        #expect(
            SettingNames.of([recipe(decoder), recipe(decoder, model: "cccccccccccccccc", seed: 2)])
                == ["seed 1", "seed 2"])
        #expect(SettingNames.of([recipe(decoder), recipe(decoder)]) == ["vanilla", "vanilla"])
    }

    /// One comparison twice: stages with other names in another experiment, sweeps as a matrix and written out.
    private static let matrix = """
        {"name": "one", "seed": 3, "stages": {\(shared)
          "vanilla": {"kind": "evaluate", "model": "@teacher", "data": "@problems", "decoder": \(decoder("vanilla"))},
          "causal": {"kind": "evaluate", "model": "@teacher", "data": "@problems",
            "decoder": {"method": "autoregressive", "generationLength": 48}},
          "fast": {"kind": "evaluate", "model": "@teacher", "data": "@problems", "decoder": \(decoder("fast-dllm")),
            "matrix": {"decoder.threshold": [0.9, 0.5]}},
          "table": {"kind": "aup", "reference": "@vanilla", "data": "@problems", "resamples": 40,
            "curves": {"autoregressive": "@causal", "Fast-dLLM": ["@vanilla", "@fast"]}, \(claims)},
          "repeats": {"kind": "replicates", "tables": "@table"}
        }}
        """
    private static let writtenOut = """
        {"name": "two", "seed": 3, "stages": {\(shared)
          "slowest": {"kind": "evaluate", "model": "@teacher", "data": "@problems", "decoder": \(decoder("vanilla"))},
          "ar": {"kind": "evaluate", "model": "@teacher", "data": "@problems",
            "decoder": {"method": "autoregressive", "generationLength": 48}},
          "t9": {"kind": "evaluate", "model": "@teacher", "data": "@problems",
            "decoder": \(decoder("fast-dllm", #", "threshold": 0.9"#))},
          "t5": {"kind": "evaluate", "model": "@teacher", "data": "@problems",
            "decoder": \(decoder("fast-dllm", #", "threshold": 0.5"#))},
          "comparison": {"kind": "aup", "reference": "@slowest", "data": "@problems", "resamples": 40,
            "curves": {"autoregressive": "@ar", "Fast-dLLM": ["@slowest", "@t9", "@t5"]}, \(claims)},
          "seeds": {"kind": "replicates", "tables": ["@comparison"]}
        }}
        """
    private static let shared = """
        "problems": {"kind": "synthesize", "train": 8, "test": 8, "steps": 1},
        "tokenizer": {"kind": "tokenizer", "corpus": "@problems"},
        "teacher": {"kind": "pretrain", "data": "@problems", "tokenizer": "@tokenizer",
          "model": {"layers": 1, "width": 16, "heads": 2, "feedForwardWidth": 32},
          "phases": [{"name": "a", "steps": 2, "mixture": [{"objective": "llada", "rows": 4}]}]},
        """
    private static let claims =
        #""claims": [{"statement": "it is faster", "left": "Fast-dLLM.tpf", "right": "autoregressive.tpf"}]"#
    private static func decoder(_ method: String, _ more: String = "") -> String {
        #"{"method": "\#(method)", "generationLength": 48, "blockLength": 8, "earlyStop": true\#(more)}"#
    }

    @Test("the same curves under other names of stages and experiments give the same bytes")
    func renaming() throws {
        let scratch = try ScratchFolder()
        // A store each, so that the second isn't taken from the first.
        func run(_ text: String) throws -> RunOutcome {
            let experiment = try Experiment.parse(
                Array(text.utf8), name: "test.json", registry: Stages.registry)
            let store = Store(scratch.path.appending(experiment.name))
            return try Runner(experiment, store: store, options: .init(), reporter: LogText().reporter).run()
        }
        let (one, two) = (try run(Self.matrix), try run(Self.writtenOut))
        for (a, b) in [("table", "comparison"), ("repeats", "seeds")] {
            let (a, b) = (try #require(one.artifact(a)), try #require(two.artifact(b)))
            #expect(a.record.fingerprint == b.record.fingerprint)
            #expect(!a.record.files.isEmpty && a.record.files == b.record.files)
            #expect(a.record.metrics == b.record.metrics)
            #expect(a.record.summary == b.record.summary)
        }
        let sweep = try FileSystem.readText(#require(one.artifact("table")).folder.appending("sweep.csv"))
        for name in ["autoregressive", "vanilla", "threshold 0.9", "threshold 0.5"] {
            #expect(sweep.contains(",\(name),"), "\(sweep)")
        }
    }
}
