import ArtifactStore
import Evaluation
import Files
import JSON
import Recipes
import Runs
import SystemPackage
import TestModels
import TestSupport
import Testing

@testable import DataStages
@testable import Stages

/// From a user's file to a data set and on: parts, ids, leakage, what a model sees.
@Suite(.serialized) struct QuestionsStageTests {
    let scratch: ScratchFolder
    let store: Store

    init() throws {
        scratch = try ScratchFolder()
        store = Store(scratch.path.appending("store"))
    }

    private func written(_ lines: [String], _ name: String = "own.jsonl") throws -> FilePath {
        let path = scratch.path.appending(name)
        try FileSystem.writeAtomically(lines.joined(separator: "\n") + "\n", to: path)
        return path
    }

    private func file(_ path: FilePath) throws -> String {
        "{\"kind\": \"dataset\", \"path\": \"\(path)\", \"sha256\": \"\(try SHA256.hex(ofFile: path))\"}"
    }

    private func run(_ stages: String, only: [String] = []) throws -> RunOutcome {
        let text = "{\"name\": \"own\", \"seed\": 3, \"stages\": {\(stages)}}"
        let experiment = try Experiment.parse(
            Array(text.utf8), name: "own.json", overrides: [], registry: Stages.registry)
        return try Runner(experiment, store: store, options: .init(threads: 2, only: only)).run()
    }

    private func failure(_ stages: String) -> String {
        do {
            _ = try run(stages)
            return "no error"
        } catch { return "\(error)" }
    }

    private func questions(_ path: FilePath, _ more: String = "") throws -> String {
        "\"file\": \(try file(path)), \"q\": {\"kind\": \"questions\", \"file\": \"@file\"\(more)}"
    }

    private func numbered(_ count: Int) -> [String] {
        (0..<count).map {
            #"{"id": "q\#($0)", "prompt": "What is \#($0) + 1 ?", "response": "It is \#($0 + 1)", "answer": \#($0 + 1)}"#
        }
    }

    @Test func aHashSplitsTheSameWayWhateverTheOrder() throws {
        let lines = numbered(60)
        func parts(_ lines: [String], _ name: String) throws -> (train: Set<String>, test: Set<String>) {
            let outcome = try run(
                questions(try written(lines, name), #", "testPercent": 30, "grader": "number""#))
            let folder = try #require(outcome.artifact("q")).folder
            let data = DataSet(folder, name: "@q")
            return (Set(try data.items(.train).map(\.id)), Set(try data.items(.test).map(\.id)))
        }
        let (train, test) = try parts(lines, "a.jsonl")
        #expect(
            train.count + test.count == 60 && (8...30).contains(test.count) && train.isDisjoint(with: test))
        let turned = try parts(lines.reversed(), "b.jsonl")
        #expect(turned.train == train && turned.test == test)
    }

    @Test func anArtifactDoesntKnowWhatItsStagesAreCalled() throws {
        let path = try written(numbered(20))
        let one = try run(questions(path, #", "testPercent": 30"#)).artifact("q")
        let other = Store(scratch.path.appending("other"))
        let text =
            "{\"name\": \"own\", \"seed\": 3, \"stages\": {\"f2\": \(try file(path)), \"q2\": {\"kind\": \"questions\", \"file\": \"@f2\", \"testPercent\": 30}}}"
        let experiment = try Experiment.parse(
            Array(text.utf8), name: "x.json", overrides: [], registry: Stages.registry)
        let two = try Runner(experiment, store: other).run().artifact("q2")
        let a = try #require(one), b = try #require(two)
        #expect(a.record.fingerprint == b.record.fingerprint && a.record.files == b.record.files)
    }

    /// Rows as `d3llm_llada_generate_partly.py` writes them; states are of two tokens.
    @Test func publishedTrajectoriesAreQuestionsWithTheAnswersThatWereRight() throws {
        func row(_ idx: Int, _ answer: Int, _ given: Int, _ isCorrect: String) -> String {
            #"{"idx": \#(idx), "question": "What is \#(answer - 1) + 1 ?", "prompt_ids": [5], "trajectory": [[5, 9, 9], [5, 9, \#(given)], [5, 3, \#(given)]], "final_output": [5, 3, \#(given)], "generated_text": "It is \#(given)", "llm_answer": "\#(given)", "gt_answer": "\#(answer)", "is_correct": \#(isCorrect), "nfe": 2}"#
        }
        let path = try written([row(7, 2, 2, "true"), row(8, 4, 9, "false"), row(9, 6, 6, "null")])
        let outcome = try run(questions(path, #", "testPercent": 0, "grader": "number""#))
        let folder = try #require(outcome.artifact("q")).folder
        let items = try DataSet(folder, name: "@q").items(.train)
        #expect(items.map(\.id) == ["7", "8", "9"])
        #expect(items.map(\.question) == ["What is 1 + 1 ?", "What is 3 + 1 ?", "What is 5 + 1 ?"])
        #expect(items.map(\.answer) == ["2", "4", "6"])
        #expect(items.map(\.solution) == ["It is 2", nil, "It is 6"])
        // Of questions nothing is kept but their texts.
        let text = try FileSystem.readText(folder.appending("train.jsonl"))
        #expect(!text.contains("prompt_ids") && !text.contains("trajectory"))
        // Other columns can be named, as of any record.
        let named = try run(
            questions(path, #", "testPercent": 0, "columns": {"response": "llm_answer"}"#))
        let other = try DataSet(try #require(named.artifact("q")).folder, name: "@q").items(.train)
        #expect(other.map(\.solution) == ["2", nil, "6"])
    }

    @Test func leakageIsRefusedWithBothIds() throws {
        let train = try written(numbered(4), "train.jsonl")
        let test = try written(
            [#"{"id": "t1", "prompt": " What is 2 + 1 ?", "response": "3"}"#], "test.jsonl")
        let text = failure(
            "\"a\": \(try file(train)), \"b\": \(try file(test)), \"q\": {\"kind\": \"questions\", \"file\": \"@a\", \"testFile\": \"@b\"}"
        )
        #expect(
            text.contains("\"q2\"") && text.contains("\"t1\"") && text.contains("to be trained on and asked"),
            "\(text)")
        #expect(try FileSystem.list(store.root.appending("own")).filter { $0.hasPrefix("q-") }.isEmpty)
    }

    @Test func twoRecordsWithOneIdAreRefused() throws {
        var lines = numbered(12)
        lines[7] = lines[7].replacing("\"q7\"", with: "\"q3\"")
        let text = failure(try questions(try written(lines)))
        #expect(
            text.contains("line 8: the id \"q3\" is that of another record, @file, data, line 4"), "\(text)")
    }

    @Test func aDataSetThatLacksAPartSaysWhatToGive() throws {
        let path = try written(numbered(5))
        let stages =
            try questions(path, #", "testPercent": 0"#)
            + #", "t": {"kind": "tokenizer", "corpus": "@q"}, "#
            + #""m": {"kind": "pretrain", "data": "@q", "tokenizer": "@t", "generationLength": 8, "model": {"layers": 1, "width": 8, "heads": 1, "feedForwardWidth": 8}, "phases": [{"name": "a", "steps": 1, "mixture": [{"objective": "llada", "rows": 2}], "optimizer": {"warmup": 0}}]}, "#
            + #""e": {"kind": "evaluate", "model": "@m", "data": "@q", "decoder": {"method": "vanilla", "generationLength": 8, "blockLength": 8}}"#
        #expect(failure(stages).contains("@q has no part that is asked"), "\(failure(stages))")
        let long = stages.replacing(
            "\"generationLength\": 8, \"model\"", with: "\"generationLength\": 2, \"model\"")
        #expect(failure(long).contains("data, line 1 (q0): the response has"), "\(failure(long))")
    }

    @Test func keysOfGeneratedProblemsAreRefusedForQuestions() throws {
        let stages =
            try questions(try written(numbered(5)))
            + #", "m": {"kind": "model-folder", "path": "x", "digest": ""}, "e": {"kind": "evaluate", "model": "@m", "data": "@q", "errors": true, "decoder": {"method": "vanilla"}}"#
        #expect(failure(stages).contains("questions with graders of their own"), "\(failure(stages))")
    }

    // MARK: What a model sees

    private func encoder(_ golden: String, template: String? = nil, positions: Int? = nil) throws -> FilePath
    {
        let folder = scratch.path.appending("model")
        try TinyCheckpoint.write(golden, to: folder)
        if let template {
            try FileSystem.writeAtomically(template, to: folder.appending("chat_template.jinja"))
        }
        if let positions {
            let path = folder.appending("config.json")
            let root = try JSONDocument(parsing: FileSystem.read(path), name: "config").root
            var object = try #require(JSONValue(root).object)
            for key in ["max_sequence_length", "max_position_embeddings"] where object[key] != nil {
                object[key] = .integer(positions)
            }
            try FileSystem.writeAtomically(JSONValue.object(object).prettyBytes(), to: path)
        }
        return folder
    }

    private func report(
        _ path: FilePath, _ model: FilePath, _ change: (inout DataReport.Request) -> Void = { _ in }
    ) throws -> DataReport {
        var request = DataReport.Request()
        request.model = model
        change(&request)
        return try DataReport(path, request)
    }

    @Test func theTemplateIsAppliedOnceOrTwiceWhereThatIsAskedFor() throws {
        let model = try encoder("llada_a")
        let path = try written(numbered(3))
        let once = try report(path, model)
        #expect(once.problems.isEmpty, "\(once.problems)")
        let prompt = try #require(once.value["samples"]?.array?.first?["prompt"]?.string)
        #expect(prompt == "<|im_start|>user\nWhat is 0 + 1 ?<|im_end|>\n<|im_start|>assistant\n")
        let twice = try report(path, model) { $0.template = "twice" }
        let doubled = try #require(twice.value["samples"]?.array?.first?["prompt"]?.string)
        #expect(doubled == "<|im_start|>user\n\(prompt)<|im_end|>\n<|im_start|>assistant\n")
        let plain = try report(path, model) { $0.template = "plain" }
        #expect(plain.value["samples"]?.array?.first?["prompt"]?.string == "What is 0 + 1 ?")
        #expect(plain.text.contains("questions in tokens: min ") && plain.text.contains("sha256: "))
    }

    @Test func whatDoesntFitAModelIsNamedWithItsLine() throws {
        let path = try written(
            numbered(3) + [#"{"prompt": "\#(String(repeating: "many ", count: 200))", "response": "x"}"#])
        let short = try report(path, encoder("llada_a", positions: 160)) { $0.generationLength = 16 }
        #expect(short.problems.count == 1)
        #expect(short.problems.first?.contains("own.jsonl, line 4 (record-4): the question has") == true)
        #expect(short.problems.first?.contains("has 160 positions") == true, "\(short.problems)")
        let broken = try report(
            path, encoder("llada_a", template: "{{ raise_exception('no system here') }}"))
        #expect(broken.problems.count == 4)
        #expect(broken.problems[0].contains("line 1 (q0): the chat template of"), "\(broken.problems[0])")
    }

    @Test func tokensOutsideOfTheVocabularyAreNamed() throws {
        let model = try encoder("llada_a")
        // More added tokens than the model has rows for.
        let path = model.appending("tokenizer_config.json")
        let text = try FileSystem.readText(path)
        let added = (405...1023).map {
            #""\#($0)": {"content": "<\#($0 == 1023 ? "far" : "n\($0)")>", "special": true, "lstrip": false, "rstrip": false, "normalized": false, "single_word": false}"#
        }
        try FileSystem.writeAtomically(
            text.replacing(
                "{\"eos_token\"",
                with: "{\"added_tokens_decoder\": {\(added.joined(separator: ", "))}, \"eos_token\"",
                maxReplacements: 1), to: path)
        let found = try report(try written([#"{"prompt": "a <far> b", "response": "c"}"#]), model)
        #expect(
            found.problems.first?.contains("line 1 (record-1): the question has the token 1023") == true,
            "\(found.problems)")
    }
}
