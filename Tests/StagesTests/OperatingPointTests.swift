import ArtifactStore
import DataStages
import Evaluation
import Files
import JSON
import Recipes
import Runs
import Stages
import SystemPackage
import TestSupport
import Testing
import Tokenizers

@testable import DecodingStages
@testable import ModelStages
@testable import ResultStages

/// The setting that an experiment chose for a model, and the grade of a single answer.
@Suite struct OperatingPointTests {
    let scratch: ScratchFolder
    let store: Store

    init() throws {
        scratch = try ScratchFolder()
        store = Store(scratch.path.appending("store"))
    }

    /// Stages that any number of experiments share, and a table.
    private func run(_ name: String, _ table: String) throws -> RunOutcome {
        func decoder(_ method: String) -> String {
            #"{"method": "\#(method)", "generationLength": 24, "blockLength": 8, "earlyStop": true}"#
        }
        let text = """
            {"name": "\(name)", "seed": 3, "stages": {
              "problems": {"kind": "synthesize", "train": 8, "test": 8, "steps": 1},
              "tokenizer": {"kind": "tokenizer", "corpus": "@problems"},
              "teacher": {"kind": "pretrain", "data": "@problems", "tokenizer": "@tokenizer",
                "model": {"layers": 1, "width": 16, "heads": 2, "feedForwardWidth": 32},
                "phases": [{"name": "a", "steps": 2, "mixture": [{"objective": "llada", "rows": 4}]}]},
              "vanilla": {"kind": "evaluate", "model": "@teacher", "data": "@problems",
                "grader": "sentence", "decoder": \(decoder("vanilla"))},
              "fast": {"kind": "evaluate", "model": "@teacher", "data": "@problems", "decoder": \(decoder("fast-dllm")),
                "matrix": {"decoder.threshold": [0.9, 0.01]}}
              \(table)
            }}
            """
        let experiment = try Experiment.parse(Array(text.utf8), name: name, registry: Stages.registry)
        return try Runner(experiment, store: store, options: .init(), reporter: LogText().reporter).run()
    }

    private func table(_ more: String = "") -> String {
        """
        , "table": {"kind": "aup", "reference": "@vanilla", "data": "@problems", "resamples": 40,
          "curves": {"slow": "@vanilla", "quick": ["@vanilla", "@fast"]}, "claims": []\(more)}
        """
    }

    /// A model that learned nothing has no accuracy to lose, so that the fastest setting is chosen.
    @Test func itIsTheTablesChoiceForTheModel() throws {
        let outcome = try run("one", table())
        let teacher = try #require(outcome.artifact("teacher")).folder
        let point = try #require(OperatingPoint(of: teacher, in: store))
        #expect(point.sentence == "Setting of quick's operating point in one: \(point.setting)")
        let recorded = try #require(outcome.artifact("table")).record.metrics["methods"]?["quick"]
        #expect(recorded?["setting"]?.string == point.setting)
        #expect(point.setting == "threshold 0.01" && point.method == "fast-dllm")
        #expect(point.options["threshold"]?.double == 0.01 && point.options["generationLength"]?.int == 24)
        #expect(point.options["method"] == nil && point.grader == nil)
        #expect(point.data == outcome.artifact("problems")?.folder)
        // A copy of the folder elsewhere is the same artifact, a folder without its record is a checkpoint.
        let copy = scratch.path.appending("copy")
        try FileSystem.createDirectory(copy)
        for name in ["config.json", "artifact.json"] {
            try FileSystem.writeAtomically(
                FileSystem.read(teacher.appending(name)), to: copy.appending(name))
        }
        #expect(OperatingPoint(of: copy, in: store)?.setting == point.setting)
        #expect(OperatingPoint(of: copy, in: Store(scratch.path.appending("other"))) == nil)
        // Its own store is known by its place, whichever is named.
        let other = Store(scratch.path.appending("other"))
        #expect(OperatingPoint(of: teacher, in: other)?.setting == point.setting)
        try FileSystem.remove(copy.appending("artifact.json"))
        #expect(OperatingPoint(of: copy, in: store) == nil)
    }

    @Test func theCurveThatTheTableIsAboutGoesBeforeAFasterOne() throws {
        let outcome = try run("one", table(#", "subject": "slow", "baseline": "quick""#))
        let teacher = try #require(outcome.artifact("teacher")).folder
        let point = try #require(OperatingPoint(of: teacher, in: store))
        #expect(point.label == "slow" && point.method == "vanilla" && point.grader == "sentence")
    }

    @Test func withoutATableThereIsNoneButThatOfAnotherExperiment() throws {
        let first = try run("one", "")
        let teacher = try #require(first.artifact("teacher")).folder
        #expect(OperatingPoint(of: teacher, in: store) == nil)
        let second = try run("two", table())
        #expect(OperatingPoint(of: teacher, in: store)?.experiment == "two")
        // A damaged or missing table is no reason not to decode.
        let folder = try #require(second.artifact("table")).folder
        try FileSystem.writeAtomically("{", to: folder.appending("artifact.json"))
        #expect(OperatingPoint(of: teacher, in: store) == nil)
    }

    /// One answer is graded as the stage graded it, by either rule.
    @Test func anAnswerIsGradedByTheStagesOwnRules() throws {
        let outcome = try run("one", "")
        let folder = try #require(outcome.artifact("problems")).folder
        let tokens = try ModelTokens(#require(outcome.artifact("teacher")).folder)
        let problem = try #require(ProblemFile.read(folder.appending("test.jsonl")).first)
        func graded(_ grader: String?) throws -> GradedQuestion {
            try GradedQuestion(
                problem.id, in: folder, grader: grader, tokenizer: tokens.tokenizer, ends: tokens.ends)
        }
        func response(_ text: String) throws -> [Int32] {
            try tokens.tokenizer.encode(text: text, addSpecialTokens: false).map(Int32.init)
        }
        let right = try response(problem.response)
        #expect(try graded(nil).isRight(right) == true)
        #expect(try graded(nil).reference == "\(problem.answer)")
        // Without its last word there is no final number, but the solution still states the total.
        let cut = Array(right.prefix { $0 != (try? response("####"))?.first })
        #expect(try graded(nil).isRight(cut) == false)
        #expect(try graded("sentence").isRight(cut) == true)
        #expect(try graded(nil).isRight([]) == false)
        #expect(throws: (any Error).self) {
            try GradedQuestion(
                "test-99", in: folder, grader: nil, tokenizer: tokens.tokenizer, ends: tokens.ends)
        }
        // What the stage recorded of its own answers is what this says of them.
        let stage = try #require(outcome.artifact("vanilla"))
        let first = try #require(try Journal.read(stage.folder.appending("samples.jsonl")).first).value
        let text = try #require(first["text"]?.string)
        #expect(try graded("sentence").isRight(response(text)) == first["correct"]?.bool)
    }
}
