import ArtifactStore
import Audit
import Files
import JSON
import Recipes
import Runs
import Sandbox
import SystemPackage
import TestModels
import TestSupport
import Testing

@testable import ModelStages
@testable import Stages

/// Data file, prompts, decoding, grading and table with checkpoints in their real layout.
@Suite(.serialized) struct BenchmarkChainTests {
    private struct Chain {
        let scratch: ScratchFolder
        let store: Store
        let experiment: Experiment

        /// - Parameters:
        ///   - fixture: the benchmark's file.
        ///   - more: Further keys of the questions.
        ///   - curve: Further keys of the stage that asks them.
        init(
            _ task: String, _ family: String, _ fixture: String, more: String = "", curve: String = ""
        ) throws {
            scratch = try ScratchFolder()
            store = Store(scratch.path.appending("store"))
            let model = scratch.path.appending("model")
            try TinyCheckpoint.write(family == "llada" ? "llada_a" : "dream_a", to: model)
            let digest = try ModelFolderStage.digest(of: model, ModelFolderStage.names(in: model))
            let data = Fixtures.path("tasks/\(fixture)")
            let text = """
                {
                  "name": "bench", "seed": 3,
                  "stages": {
                    "file": {"kind": "local-files", "path": "\(data)", "sha256": "\(try SHA256.hex(ofFile: data))"},
                    "questions": {"kind": "benchmark", "task": "\(task)", "family": "\(family)", "file": "@file", "limit": 4\(more)},
                    "model": {"kind": "model-folder", "path": "\(model)", "digest": "\(digest)"},
                    "curve": {
                      "kind": "evaluate", "model": "@model", "data": "@questions", "groupSize": 2\(curve),
                      "decoder": {"method": "multi-block", "generationLength": 32, "blockLength": 8},
                      "matrix": {"decoder.threshold": [0.4, 2]}
                    },
                    "table": {
                      "kind": "aup", "curves": {"random": "@curve"}, "data": "@questions",
                      "reference": "@curve[threshold=0.4]", "resamples": 40, "claims": []
                    }
                  }
                }
                """
            experiment = try Experiment.parse(
                Array(text.utf8), name: "bench.json", overrides: [], registry: Stages.registry)
        }

        func run(_ permissions: Permissions = .none, only: [String] = []) throws -> RunOutcome {
            var options = Runner.Options(threads: 2, only: only)
            options.permissions = permissions
            return try Runner(experiment, store: store, options: options).run()
        }

        func records(_ outcome: RunOutcome, _ stage: String) throws -> [JSONValue] {
            let artifact = try #require(outcome.artifact(stage))
            return try Journal.read(artifact.folder.appending("samples.jsonl")).map(\.value)
        }
    }

    private static let allowed = Permissions(codeExecution: true)

    /// Whatever is done to the original in place, the store's copy stays what was recorded.
    @Test func theUsersModelIsCopiedAndNotLinked() throws {
        let chain = try Chain("gsm8k-cot", "llada", "gsm8k-test.jsonl")
        let artifact = try #require(try chain.run(only: ["model"]).artifact("model"))
        let model = chain.scratch.path.appending("model")
        for file in artifact.record.files {
            let original = model.pushing(FilePath(file.path))
            let copy = artifact.folder.pushing(FilePath(file.path))
            #expect(try FileSystem.facts(original).inode != FileSystem.facts(copy).inode, "\(file.path)")
            let open = try FileDescriptor.open(original, .writeOnly)
            try open.writeAll([UInt8](repeating: 0, count: file.size))
            try open.close()
            #expect(try SHA256.hex(ofFile: copy) == file.sha256, "\(file.path)")
        }
    }

    @Test(arguments: ["llada", "dream"]) func gsm8kFromFileToTable(_ family: String) throws {
        let chain = try Chain("gsm8k-cot", family, "gsm8k-test.jsonl")
        let outcome = try chain.run()
        let records = try chain.records(outcome, "curve[threshold=2]")
        #expect(records.count == 4)
        let first = try #require(records.first)
        #expect(first["id"]?.string == "gsm8k-cot-0")
        let prompt = try #require(first["prompt"]?.string)
        #expect(prompt.hasPrefix("<|im_start|>user\nQ: Janet") == (family == "dream"))
        #expect(prompt.contains("A: Let's think step by step."))
        #expect(first["promptHash"]?.string == SHA256.hex(of: Array(prompt.utf8)))
        #expect(first["verdicts"]?["strict-match"]?["correct"]?.bool == false)
        #expect(first["verdicts"]?["flexible-extract"]?["found"]?.string != nil)
        #expect(["end", "length", "stop-string"].contains(first["stop"]?.string))
        let metrics = try #require(outcome.artifact("curve[threshold=2]")).record.metrics
        #expect(metrics["n"]?.int == 4 && metrics["correctBy"]?["strict-match"]?.int == 0)
        #expect(outcome.reports.first?.text.contains("random") == true)

        // Verification grades and decodes again.
        let run = try #require(outcome.record)
        let location = try RunLocation.find(run.string, in: chain.store)
        let verification = try Verifier(
            location, registry: Stages.registry, options: .init(samples: 8, seed: 1, threads: 2)
        ).verify()
        #expect(verification.holds, "\(verification.text)")
        #expect(try chain.run().stages.allSatisfy(\.wasCached))
    }

    /// An engine's batch ends with its slowest prompt: NFE is shared, all else is as without.
    @Test func neighboursShareTheForwardsOfTheSlowest() throws {
        let (alone, together) = (
            try Chain("gsm8k-cot", "llada", "gsm8k-test.jsonl"),
            try Chain("gsm8k-cot", "llada", "gsm8k-test.jsonl", curve: ", \"batch\": 2")
        )
        let stage = "curve[threshold=2]"
        let own = try alone.records(try alone.run(only: [stage]), stage)
        let outcome = try together.run(only: [stage])
        let shared = try together.records(outcome, stage)
        let counts = own.compactMap { $0["nfe"]?.int }
        try #require(counts.count == 4 && Set(counts).count > 1)
        #expect(
            shared.compactMap { $0["nfe"]?.int }
                == [0, 2].flatMap { Array(repeating: max(counts[$0], counts[$0 + 1]), count: 2) })
        for key in ["text", "tokens", "forwards", "tokensForwarded"] {
            #expect(own.map { $0[key] } == shared.map { $0[key] }, "\(key)")
        }
        let metrics = try #require(outcome.artifact(stage)).record.metrics
        #expect(metrics["nfe"]?.int == shared.reduce(0) { $0 + ($1["nfe"]?.int ?? 0) })
        #expect {
            try Chain("gsm8k-cot", "llada", "gsm8k-test.jsonl", curve: ", \"batch\": 3")
        } throws: { "\($0)".contains("doesn't divide \"groupSize\"") }
    }

    @Test func aChangedVerdictIsFound() throws {
        let chain = try Chain("gsm8k-cot", "llada", "gsm8k-test.jsonl")
        let outcome = try chain.run()
        let location = try RunLocation.find(try #require(outcome.record).string, in: chain.store)
        let path = try #require(outcome.artifact("curve[threshold=2]")).folder.appending(
            "samples.jsonl")
        let text = try FileSystem.readText(path)
        try FileSystem.writeAtomically(
            text.replacing("\"correct\":false", with: "\"correct\":true", maxReplacements: 1), to: path)
        let verification = try Verifier(
            location, registry: Stages.registry, options: .init(samples: 0, seed: 1, threads: 2)
        ).verify()
        #expect(!verification.holds)
        #expect(verification.text.contains("the grader finds"))
    }

    @Test(arguments: ["llada", "dream"]) func humanEvalNeedsPermission(_ family: String) throws {
        let chain = try Chain("humaneval", family, "humaneval.jsonl")
        #expect(chain.experiment.stages(needing: .codeExecution).map(\.stage.name) == ["curve", "curve"])
        #expect {
            try chain.run()
        } throws: { error in
            "\(error)".contains("--allow-code-execution") && "\(error)".contains("humaneval")
        }
        // Nothing was begun.
        #expect(!FileSystem.exists(chain.store.root.appending("bench")))
        // Stages that run nothing need nothing.
        #expect(try chain.run(only: ["questions"]).stages.count == 2)
        guard (try? Sandbox()) != nil else { return }
        let outcome = try chain.run(Self.allowed)
        let records = try chain.records(outcome, "curve[threshold=2]")
        #expect(records.map { $0["id"]?.string } == ["HumanEval/0", "HumanEval/1"])
        for record in records {
            let verdict = try #require(record["verdicts"]?["create_test"])
            #expect(verdict["correct"]?.bool == false)
            #expect(verdict["outcome"]?.string != nil)
        }
        // With everything there, a run needs no permission.
        #expect(try chain.run().stages.allSatisfy(\.wasCached))
    }

    @Test func mbppAndMathAreAskedAndGraded() throws {
        let math = try Chain("math", "llada", "math.jsonl", more: ", \"equivalence\": \"normal-forms\"")
        let records = try math.records(try math.run(), "curve[threshold=2]")
        #expect(records.allSatisfy { $0["verdicts"]?["none"]?["found"]?.string == "[invalidanswer]" })
        guard (try? Sandbox()) != nil else { return }
        let mbpp = try Chain("mbpp", "dream", "mbpp.jsonl")
        let programs = try mbpp.records(try mbpp.run(Self.allowed), "curve[threshold=2]")
        #expect(programs.allSatisfy { $0["verdicts"]?["none"]?["outcome"]?.string != nil })
    }

    @Test func resultsAreWrittenInTheHarnesssForm() throws {
        let chain = try Chain("gsm8k-cot", "llada", "gsm8k-test.jsonl")
        let location = try RunLocation.find(
            try #require(try chain.run(only: ["curve"]).record).string, in: chain.store)
        let folder = chain.scratch.path.appending("lm-eval")
        let written = try LMEvalExport.write(location, stage: nil, to: folder)
        #expect(written.count == 4)
        let samples = try #require(
            written.first { $0.lastComponent?.string.hasPrefix("samples_gsm8k_cot_zeroshot_") == true })
        let lines = try FileSystem.readText(samples).split(separator: "\n")
        // Each problem once for each filter.
        #expect(lines.count == 8)
        let first = try JSONDocument(parsing: Array(lines[0].utf8), name: "line").root
        let keys = (first.members ?? []).map(\.key)
        #expect(
            Set(keys) == [
                "doc_id", "doc", "target", "arguments", "resps", "filtered_resps", "filter", "metrics",
                "doc_hash", "prompt_hash", "target_hash", "exact_match",
            ])
        // As hashlib has it for json.dumps(doc, indent=2, ensure_ascii=False) of the first test problem.
        #expect(
            first["doc_hash"]?.string == "986c19252f3c7f6eaeff2229e9a5777f96a85c0ceea931a92d2289084dfd518c")
        #expect(throws: (any Error).self) { try LMEvalExport.write(location, stage: "nothing", to: folder) }
    }

    @Test("names of files from records are plain, whatever the records say")
    func namesFromRecordsArePlain() {
        #expect(LMEvalExport.fileName("curve[threshold=0.5]") == "curve-threshold=0.5")
        #expect(LMEvalExport.fileName("2026-11-21T09:30:00Z") == "2026-11-21T09-30-00Z")
        for hostile in [
            "", ".", "..", "\0", "...", "[", "]", "x/../../y\0", "\u{600}/\u{301}", "-rf", "a\nb", "é", "~",
            "$(x)",
        ] {
            let name = LMEvalExport.fileName(hostile)
            #expect(!name.isEmpty && !name.utf8.starts(with: ".".utf8), "\(hostile.debugDescription)")
            #expect(
                name.utf8.allSatisfy { (0x21...0x7e).contains($0) && !"/[]:~$()`'\"\\".utf8.contains($0) })
        }
        #expect(LMEvalExport.fileName(String(repeating: "é", count: 500)).utf8.count == 200)
    }

    @Test func filesThatArentTheExpectedOnesAreRefused() throws {
        let scratch = try ScratchFolder()
        let file = scratch.path.appending("data.jsonl")
        try FileSystem.writeAtomically("{}\n", to: file)
        let wrong = String(repeating: "0", count: 64)
        let text =
            "{\"name\": \"x\", \"seed\": 1, \"stages\": {\"file\": {\"kind\": \"dataset\", \"path\": \"\(file)\", \"sha256\": \"\(wrong)\"}}}"
        let experiment = try Experiment.parse(
            Array(text.utf8), name: "x.json", overrides: [], registry: Stages.registry)
        #expect {
            try Runner(experiment, store: Store(scratch.path.appending("store"))).run()
        } throws: { "\($0)".contains(SHA256.hex(of: Array("{}\n".utf8))) }
    }
}
