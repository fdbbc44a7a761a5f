import ArtifactStore
import Audit
import Files
import JSON
import Recipes
import Runs
import SystemPackage
import TestModels
import TestSupport
import Testing

@testable import DecodingStages
@testable import ModelStages
@testable import ResultStages
@testable import Stages

/// The configurations of `configs/own` at toy size: a user's questions from file to table.
@Suite(.serialized) struct OwnDataChainTests {
    let scratch: ScratchFolder
    let store: Store
    private static let root = Fixtures.path("").removingLastComponent().removingLastComponent()

    init() throws {
        scratch = try ScratchFolder()
        store = Store(scratch.path.appending("store"))
    }

    private func run(_ name: String, _ overrides: [String], only: [String] = []) throws -> RunOutcome {
        let file = Self.root.pushing("configs/own/questions.jsonl")
        let experiment = try Experiment.load(
            Self.root.pushing("configs/own").appending(name),
            overrides: ["stages.file.path=\(file)"] + overrides, registry: Stages.registry)
        return try Runner(experiment, store: store, options: .init(threads: 2, only: only)).run()
    }

    private func verify(_ outcome: RunOutcome) throws -> Verification {
        try Verifier(
            RunLocation.find(try #require(outcome.record).string, in: store), registry: Stages.registry,
            options: .init(samples: 6, seed: 1, threads: 2)
        ).verify()
    }

    @Test func fromAFileToATableWithAModelMadeHere() throws {
        let outcome = try run(
            "chain.json",
            [
                "stages.teacher.model.layers=1", "stages.teacher.model.width=16",
                "stages.teacher.model.heads=2",
                "stages.teacher.model.feedForwardWidth=16", "stages.trajectories.count=8",
                "stages.student.steps=2", "stages.student.batch=4", "stages.vanilla.limit=6",
                "stages.d3llm.limit=6", "stages.table.resamples=40",
                #"stages.teacher.phases=[{"name":"a","steps":3,"mixture":[{"objective":"llada","rows":4}],"optimizer":{"warmup":0}}]"#,
            ])
        let questions = try #require(outcome.artifact("questions")).record.metrics
        #expect(questions["train"]?.int.map { $0 + (questions["test"]?.int ?? 0) } == 200)
        #expect(questions["graded"]?.int == 200)
        let trajectories = try #require(outcome.artifact("trajectories"))
        #expect(
            trajectories.record.metrics["kept"]?.int == 8 && trajectories.record.metrics["graded"]?.int == 8)
        // They hold their prompts, so that a student needs no data set.
        let journal = try Journal.read(TrajectoriesStage.journal(of: trajectories.folder))
        let first = try #require(journal.first.flatMap { TrajectoryRecord($0.value) })
        #expect(first.prompt?.isEmpty == false && first.used == true && first.unmaskStep.count == 32)
        let evaluated = try #require(outcome.artifact("vanilla")).record.metrics
        #expect(evaluated["n"]?.int == 6 && evaluated["correctBy"]?["number"]?.int != nil)
        #expect(outcome.reports.first?.text.contains("d3LLM") == true)
        let verification = try verify(outcome)
        #expect(verification.holds, "\(verification.text)")
    }

    @Test(
        "a checkpoint of every family, and its trajectories written and read back",
        arguments: ["llada_a", "dream_a", "qwen2_a", "qwen3_a", "llama_b"])
    func fromAFileToATableWithACheckpoint(golden: String) throws {
        let model = scratch.path.appending("model")
        try TinyCheckpoint.write(golden, to: model)
        let digest = try ModelFolderStage.digest(of: model, ModelFolderStage.names(in: model))
        let small = [
            "variables.model=\(model)", "variables.digest=\(digest)", "stages.teacher.steps=1",
            "stages.teacher.batch=2", "stages.trajectories.count=4",
            "stages.trajectories.attempts=2", "stages.trajectories.groupSize=2",
            "stages.trajectories.order=entropy", "stages.student.steps=2",
            "stages.student.batch=3", "stages.student.adapter.rank=2", "stages.vanilla.limit=3",
            "stages.d3llm.limit=3", "stages.table.resamples=40",
        ]
        let outcome = try run("checkpoint.json", small)
        let trajectories = try #require(outcome.artifact("trajectories"))
        let records = try Journal.read(TrajectoriesStage.journal(of: trajectories.folder)).map(\.value)
        #expect(records.count == 4)
        let first = try #require(TrajectoryRecord(records[0]))
        if !["llada_a", "dream_a"].contains(golden) {
            // Random weights may predict the mask token itself, and a position needs another forward then.
            #expect(Set(first.unmaskStep).count == 32, "one token per forward")
        } else {
            #expect(Set(first.unmaskStep) == Set(0..<32), "one token per forward, each in its turn")
        }
        #expect(first.used == true && first.isCorrect != nil)
        let verification = try verify(outcome)
        #expect(verification.holds, "\(verification.text)")

        // What is written in the published form is read as the same answers.
        let teacher = try #require(outcome.artifact("teacher")).folder
        let made = try ModelFolderStage.digest(of: teacher, ModelFolderStage.names(in: teacher))
        let written = try #require(outcome.artifact("published")).folder.appending("trajectories.jsonl")
        let text = """
            {"name": "back", "seed": 1, "stages": {
              "file": {"kind": "local-files", "path": "\(written)", "sha256": "\(try SHA256.hex(ofFile: written))"},
              "model": {"kind": "model-folder", "path": "\(teacher)", "digest": "\(made)"},
              "read": {"kind": "import-trajectories", "files": "@file", "model": "@model", "blockLength": 8}
            }}
            """
        let back = try Runner(
            Experiment.parse(Array(text.utf8), name: "x.json", overrides: [], registry: Stages.registry),
            store: store, options: .init(threads: 1)
        ).run()
        let read = try #require(back.artifact("read"))
        let again = try Journal.read(TrajectoriesStage.journal(of: read.folder))
        #expect(try again == Journal.read(TrajectoriesStage.journal(of: trajectories.folder)))
        #expect(read.record.metrics["tokenizerAgreed"]?.int == 4)
    }

    @Test func wrongAnswersAreKeptOnlyWhereThatIsAskedFor() throws {
        let model = scratch.path.appending("model")
        try TinyCheckpoint.write("llada_a", to: model)
        let digest = try ModelFolderStage.digest(of: model, ModelFolderStage.names(in: model))
        let small = [
            "variables.model=\(model)", "variables.digest=\(digest)", "stages.teacher.steps=1",
            "stages.teacher.batch=2", "stages.trajectories.count=3",
            "stages.trajectories.attempts=2", "stages.trajectories.keep=right", "stages.student.steps=1",
        ]
        let outcome = try run("checkpoint.json", small, only: ["trajectories"])
        let metrics = try #require(outcome.artifact("trajectories")).record.metrics
        // Random weights are right by chance only.
        #expect(metrics["kept"]?.int == metrics["right"]?.int && metrics["graded"]?.int == 3)
        // Both tries of a wrong answer count: 32 forwards each.
        let wrong = 3 - (metrics["right"]?.int ?? 0)
        #expect((metrics["nfe"]?.int ?? 0) >= 32 * (3 + wrong))
    }

    @Test func withoutReferenceAnswersSpeedAndAgreementAreMeasured() throws {
        let model = scratch.path.appending("model")
        try TinyCheckpoint.write("llada_a", to: model)
        let digest = try ModelFolderStage.digest(of: model, ModelFolderStage.names(in: model))
        let path = scratch.path.appending("bare.jsonl")
        try FileSystem.writeAtomically(
            (0..<16).map { "{\"prompt\": \"Say \($0) !\"}\n" }.joined(), to: path)
        let outcome = try run(
            "checkpoint.json",
            [
                // There is no response to tune it on.
                #"stages.teacher={"kind": "model-folder", "path": "\#(model)", "digest": "\#(digest)"}"#,
                "variables.model=\(model)", "variables.digest=\(digest)",
                "stages.file.path=\(path)", "stages.file.sha256=\(try SHA256.hex(ofFile: path))",
                "stages.questions.grader=none", "stages.questions.testPercent=50",
                "stages.trajectories.count=2",
                "stages.trajectories.attempts=5", "stages.student.steps=1", "stages.student.batch=2",
                "stages.student.adapter.rank=2", "stages.table.resamples=40",
            ])
        let trajectories = try #require(outcome.artifact("trajectories")).record
        #expect(trajectories.metrics["kept"]?.int == 2 && trajectories.metrics["graded"]?.int == 0)
        // Nothing says that an answer is wrong, so that none is tried again.
        #expect(trajectories.metrics["nfe"]?.int == 64 && trajectories.summary.contains("none graded"))
        let vanilla = try #require(outcome.artifact("vanilla")).record
        #expect(vanilla.metrics["accuracy"] == nil && vanilla.metrics["tpf"]?.double != nil)
        #expect(vanilla.summary.contains("no accuracy"))
        let table = try #require(outcome.artifact("table"))
        #expect(
            try FileSystem.readText(table.folder.appending("table.txt")).contains(
                "accuracy here is agreement"))
        // An answer that nothing grades isn't wrong.
        let page = try RunReport(
            RunLocation.find(try #require(outcome.record).string, in: store), registry: Stages.registry,
            options: .init(decodes: true, threads: 2)
        ).html
        #expect(page.contains("whose answers something grades: of 0 of"))
        #expect(page.contains(#""right":["---"#) && page.contains(#""right":null"#))
        #expect(!page.contains(#""right":false"#))
        let verification = try verify(outcome)
        #expect(verification.holds, "\(verification.text)")
    }

    @Test func aBenchmarksTrainingPartIsDecodedAndLearned() throws {
        let model = scratch.path.appending("model")
        try TinyCheckpoint.write("llada_a", to: model)
        let digest = try ModelFolderStage.digest(of: model, ModelFolderStage.names(in: model))
        let folder = scratch.path.appending("gsm8k")
        try FileSystem.createDirectory(folder)
        let rows = try JSONDocument(
            parsing: FileSystem.read(Fixtures.path("tasks/gsm8k-train-rows.json")), name: "rows"
        ).root
        let lines = try (rows.members ?? []).prefix(6).map {
            String(decoding: try JSONValue($0.value).compactBytes(), as: UTF8.self) + "\n"
        }
        let train = folder.appending("train.jsonl"), test = Fixtures.path("tasks/gsm8k-test.jsonl")
        try FileSystem.writeAtomically(lines.joined(), to: train)
        func stages(_ keys: String) throws -> String {
            """
            {"name": "bench", "seed": 3, "stages": {
              "train": {"kind": "local-files", "path": "\(train)", "sha256": "\(try SHA256.hex(ofFile: train))"},
              "test": {"kind": "local-files", "path": "\(test)", "sha256": "\(try SHA256.hex(ofFile: test))"},
              "q": {"kind": "benchmark", "task": "gsm8k-cot", "family": "llada", "file": "@test", "limit": 2\(keys)},
              "model": {"kind": "model-folder", "path": "\(model)", "digest": "\(digest)"},
              "t": {"kind": "trajectories", "teacher": "@model", "data": "@q", "count": 3, "attempts": 1, "keep": "all", "generationLength": 16, "blockLength": 8},
              "s": {"kind": "distill", "teacher": "@model", "trajectories": "@t", "steps": 1, "batch": 2, "adapter": {"rank": 2, "alpha": 2}, "d3llm": {"windowLengths": [8]}}
            }}
            """
        }
        func run(_ text: String) throws -> RunOutcome {
            try Runner(
                Experiment.parse(Array(text.utf8), name: "x.json", overrides: [], registry: Stages.registry),
                store: store, options: .init(threads: 2)
            ).run()
        }
        #expect {
            _ = try run(stages(""))
        } throws: { "\($0)".contains("has no part to train on") && "\($0)".contains("\"train\": \"@files\"") }
        let outcome = try run(stages(#", "train": "@train""#))
        let record = try #require(outcome.artifact("t"))
        let keys = try Journal.read(TrajectoriesStage.journal(of: record.folder)).map(\.key)
        #expect(keys == ["gsm8k-cot-train-0", "gsm8k-cot-train-1", "gsm8k-cot-train-2"])
        #expect(outcome.artifact("s")?.record.metrics["answers"]?.int == 3)
        // The test file as training data would give the answers away.
        #expect {
            _ = try run(stages(#", "train": "@test""#))
        } throws: { "\($0)".contains("gsm8k-cot-train-0") && "\($0)".contains("gsm8k-cot-0") }
    }
}
