import ArtifactStore
import Audit
import Evaluation
import Files
import JSON
import Numerics
import Recipes
import Runs
import SystemPackage
import TestModels
import TestSupport
import Testing
import Tokenizers
import Training
import Transformers

@testable import DataStages
@testable import ModelStages
@testable import Stages
@testable import TrainingStages

/// Fine-tuning of checkpoints on a user's records: rows, what an autoregressive model becomes, what is refused.
@Suite(.serialized) struct SFTStageTests {
    private let scratch: ScratchFolder
    private let store: Store

    init() throws {
        scratch = try ScratchFolder()
        store = Store(scratch.path.appending("store"))
    }

    /// Stages `file`, `q` and `model` with more behind them.
    private func run(
        _ stages: String, model: String = "llada_a", vocabulary: Int = 512,
        lines: [String]? = nil, grader: String = "exact", threads: Int = 2
    ) throws -> RunOutcome {
        let folder = scratch.path.appending(model)
        if !FileSystem.exists(folder) { try TinyCheckpoint.write(model, vocabulary: vocabulary, to: folder) }
        let digest = try ModelFolderStage.digest(of: folder, ModelFolderStage.names(in: folder))
        let path = scratch.path.appending("own.jsonl")
        let records =
            lines
            ?? (0..<24).map {
                #"{"prompt": "Say \#($0) !", "response": "It is \#($0)", "answer": "It is \#($0)"}"#
            }
        try FileSystem.writeAtomically(records.joined(separator: "\n") + "\n", to: path)
        let text = """
            {"name": "sft", "seed": 3, "stages": {
              "file": {"kind": "local-files", "path": "\(path)", "sha256": "\(try SHA256.hex(ofFile: path))"},
              "q": {"kind": "questions", "file": "@file", "grader": "\(grader)", "testPercent": 25},
              "model": {"kind": "model-folder", "path": "\(folder)", "digest": "\(digest)"},
              \(stages)
            }}
            """
        return try Runner(
            Experiment.parse(Array(text.utf8), name: "sft.json", overrides: [], registry: Stages.registry),
            store: store, options: .init(threads: threads)
        ).run()
    }

    private func failure(
        _ stages: String, model: String = "llada_a", lines: [String]? = nil, grader: String = "exact"
    ) -> String {
        do {
            _ = try run(stages, model: model, lines: lines, grader: grader)
            return "no error"
        } catch { return "\(error)" }
    }

    private func verify(_ outcome: RunOutcome) throws -> Verification {
        try Verifier(
            RunLocation.find(try #require(outcome.record).string, in: store), registry: Stages.registry,
            options: .init(samples: 4, seed: 1, threads: 2)
        ).verify()
    }

    private func weights(_ artifact: Artifact?) throws -> String? {
        let record = try #require(artifact).record
        return record.files.first { $0.path == "model.safetensors" }?.sha256
    }

    /// From a checkpoint to a table of its student.
    private static let chain = """
        "teacher": {"kind": "sft", "model": "@model", "data": "@q", "generationLength": 16, "steps": 3, "batch": 4, "maskToken": "<|mask|>"},
        "t": {"kind": "trajectories", "teacher": "@teacher", "data": "@q", "count": 4, "attempts": 1, "keep": "all", "generationLength": 16, "blockLength": 8},
        "s": {"kind": "distill", "teacher": "@teacher", "trajectories": "@t", "steps": 2, "batch": 2, "adapter": {"rank": 2, "alpha": 2}, "d3llm": {"windowLengths": [8]}},
        "published": {"kind": "export-trajectories", "trajectories": "@t", "model": "@teacher", "data": "@q"},
        "e": {"kind": "evaluate", "model": "@s", "data": "@q", "limit": 3, "decoder": {"method": "multi-block", "generationLength": 16, "blockLength": 8, "threshold": 0.5}},
        "table": {"kind": "aup", "reference": "@e", "data": "@q", "resamples": 40, "claims": [], "curves": {"student": "@e"}}
        """

    private func check(_ outcome: RunOutcome, from model: FilePath, is type: String) throws {
        let teacher = try #require(outcome.artifact("teacher"))
        let made = try LoadedModel(teacher.folder)
        #expect(made.configuration.attention == .bidirectional && made.maskToken == 403)
        #expect(made.tokens.end == 400)
        #expect(made.configuration.logitShift == (try Checkpoint.configuration(model).logitShift))
        #expect(made.family.modelTypes.first == type)
        #expect(try weights(teacher) != weights(outcome.artifact("model")))
        #expect(teacher.record.metrics["steps"]?.int == 3)
        #expect(outcome.artifact("e")?.record.metrics["n"]?.int == 3)
        let verification = try verify(outcome)
        #expect(verification.holds, "\(verification.text)")
    }

    @Test(
        "every family goes through sft, trajectories, distillation and evaluation",
        arguments: [
            ("llada_a", "llada"), ("dream_a", "Dream"), ("qwen2_a", "a2d-qwen2"), ("qwen3_a", "a2d-qwen3"),
            ("llama_b", "a2d-llama"),
        ])
    func chain(model: String, type: String) throws {
        let outcome = try run(Self.chain, model: model)
        try check(outcome, from: scratch.path.appending(model), is: type)
        guard type.hasPrefix("a2d") else { return }
        // And so does the family that was made of it, as a folder of the user's.
        let folder = scratch.path.appending("made")
        try FileSystem.createDirectory(folder)
        for file in try #require(outcome.artifact("teacher")).record.files
        where !file.path.contains("/") && !file.path.hasSuffix(".jsonl") {
            try FileSystem.writeAtomically(
                FileSystem.read(outcome.artifact("teacher")?.folder.appending(file.path) ?? folder),
                to: folder.appending(file.path))
        }
        try check(try run(Self.chain, model: "made"), from: folder, is: type)
    }

    /// Published trajectories of one teacher are questions for another chain.
    @Test func publishedTrajectoriesAreQuestionsAndAnswersToTuneOn() throws {
        let outcome = try run(
            Self.chain + """
                ,
                "again": {"kind": "questions", "file": "@published", "testPercent": 0},
                "tuned": {"kind": "sft", "model": "@teacher", "data": "@again", "steps": 1, "batch": 2, "loss": "all", "packedLength": 32}
                """, grader: "none")
        let (own, again) = (
            try DataSet(try #require(outcome.artifact("q")).folder, name: "@q").items(.train).prefix(4),
            try DataSet(try #require(outcome.artifact("again")).folder, name: "@again").items(.train)
        )
        #expect(again.map(\.id) == own.map(\.id))
        #expect(again.map(\.question) == own.map(\.question))
        #expect(again.map(\.answer) == own.map(\.answer))
    }

    @Test func aTokenWithoutARowGetsOneThatIsTheMeanOfTheOthers() throws {
        let outcome = try run(
            """
            "teacher": {"kind": "sft", "model": "@model", "data": "@q", "generationLength": 16, "steps": 1, "batch": 2, "maskToken": "<|hole|>", "optimizer": {"learningRate": 1e-12, "weightDecay": 0}}
            """, model: "qwen2_a", vocabulary: 405)
        let folder = try #require(outcome.artifact("teacher")).folder
        let made = try LoadedModel(folder)
        #expect(made.configuration.vocabulary == 406 && made.maskToken == 405)
        #expect(made.tokens.tokenizer.convertTokenToId("<|hole|>") == 405)
        let (old, new) = (
            try Checkpoint.load(scratch.path.appending("qwen2_a")).parameter(.embedding),
            made.transformer.parameter(.embedding)
        )
        #expect(new.rows == 406 && old.rows == 405)
        for column in 0..<new.columns {
            let mean = (0..<405).reduce(0.0) { $0 + Double(old[$1, column]) } / 405
            #expect(abs(Double(new[405, column]) - mean) < 1e-6)
            #expect(abs(new[7, column] - old[7, column]) < 1e-6)
        }
    }

    @Test func rowsAreRecordsOrPackedText() throws {
        let outcome = try run(#""t": {"kind": "tokenizer", "corpus": "@q"}"#)
        let set = DataSet(try #require(outcome.artifact("q")).folder, name: "@q")
        let model = try LoadedModel(scratch.path.appending("llada_a"))
        let (encoder, end) = (model.encoder, model.tokens.end)
        func rows(_ keys: String) throws -> [TrainingExample] {
            try Self.rows(keys).examples(set, encoder, end: end)
        }
        let items = try set.items(.train)
        let first = try (encoder.prompt(items[0], room: 0), #require(try encoder.response(items[0])))
        let single = try rows(#"{"generationLength": 20}"#)
        #expect(single.count == items.count && single[0].prompt == first.0 && single[0].learnt == nil)
        #expect(single[0].response == first.1 + Array(repeating: end, count: 20 - first.1.count))
        let whole = try rows(#"{"generationLength": 64, "loss": "all"}"#)
        #expect(whole[0].prompt.isEmpty && whole[0].tokens.prefix(first.0.count) == first.0[...])
        #expect(whole[0].responseLength == first.0.count + first.1.count + 1)

        // Packed: nothing is lost, and only what is learnt may be masked.
        let stream = try items.flatMap { item -> [(Int32, Bool)] in
            let (prompt, response) = try (encoder.prompt(item, room: 0), #require(try encoder.response(item)))
            return prompt.map { ($0, false) } + (response + [end]).map { ($0, true) }
        }
        let packed = try rows(#"{"packedLength": 32}"#)
        let pieces = stride(from: 0, to: stream.count, by: 32).map { Array(stream[$0...].prefix(32)) }
            .filter { $0.contains { $0.1 } }
        #expect(packed.count == pieces.count)
        for (row, piece) in zip(packed, pieces) {
            #expect(row.prompt.isEmpty && row.tokens.count == 32)
            #expect(row.tokens.prefix(piece.count) == piece.map(\.0)[...])
            for (i, token) in piece.enumerated() { #expect(row.isLearnt(i) == token.1) }
            for i in piece.count..<32 { #expect(!row.isLearnt(i) && row.tokens[i] == end) }
        }
        let all = try rows(#"{"packedLength": 32, "loss": "all"}"#)
        #expect(all.dropLast().allSatisfy { $0.learnt == nil })
        #expect(all.reduce(0) { $0 + $1.learntCount } == stream.count)
    }

    private static func rows(_ keys: String) throws -> TrainingRows {
        let text = """
            {"name": "r", "seed": 1, "stages": {"s": {"kind": "sft", "model": "@m", "data": "@q", \(keys.dropFirst().dropLast())},
              "m": {"kind": "model-folder", "path": "x", "digest": "\(String(repeating: "0", count: 64))"},
              "q": {"kind": "synthesize", "task": "word-problems"}}}
            """
        let experiment = try Experiment.parse(
            Array(text.utf8), name: "r.json", overrides: [], registry: Stages.registry)
        let stage = try #require(experiment["s"]?.implementation as? SFTStage)
        return stage.rows
    }

    @Test func bareTextIsPackedWithOneEndTokenBetween() throws {
        let lines = (0..<40).map { #"{"text": "Line \#($0) of a book."}"# }
        let outcome = try run(
            """
            "teacher": {"kind": "pretrain", "from": "@model", "data": "@q", "packedLength": 24, "loss": "all", "maskToken": "<|mask|>",
              "phases": [{"name": "a", "steps": 2, "mixture": [{"objective": "autoregressive", "rows": 2}, {"objective": "masked-uniform", "rows": 2}], "optimizer": {"warmup": 0}}]}
            """, model: "qwen2_a", lines: lines, grader: "none")
        let teacher = try #require(outcome.artifact("teacher"))
        let made = try LoadedModel(teacher.folder)
        #expect(made.family.modelTypes.first == "a2d-qwen2")
        let set = DataSet(try #require(outcome.artifact("q")).folder, name: "@q")
        let rows = try Self.rows(#"{"packedLength": 24, "loss": "all"}"#)
            .examples(set, made.encoder, end: made.tokens.end)
        let text = rows.flatMap(\.tokens)
        #expect(zip(text, text.dropFirst()).prefix(200).allSatisfy { $0 != 400 || $1 != 400 })
    }

    @Test func anAdapterIsTrainedAndThreadsChangeNothing() throws {
        func stage(_ name: String) -> String {
            """
            "\(name)": {"kind": "sft", "model": "@model", "data": "@q", "generationLength": 16, "steps": 2, "batch": 3, "adapter": {"rank": 2, "alpha": 4}}
            """
        }
        let one = try #require(run(stage("a"), threads: 1).artifact("a"))
        #expect(FileSystem.exists(one.folder.appending("adapter").appending("adapter_model.safetensors")))
        #expect((one.record.metrics["trainedParameters"]?.int ?? .max) < 20_000)
        let sum = try weights(one)
        try FileSystem.remove(one.folder.appending(ArtifactRecord.fileName))
        #expect(try weights(run(stage("b"), threads: 3).artifact("b")) == sum)
    }

    @Test func whatCannotBeLearntIsRefused() throws {
        func sft(_ keys: String) -> String {
            #""s": {"kind": "sft", "model": "@model", "data": "@q", "steps": 1, "batch": 1\#(keys)}"#
        }
        let plain = #", "generationLength": 16"#
        #expect(failure(sft(plain), model: "qwen2_a").contains("names a mask token"))
        #expect(
            failure(sft(plain + #", "maskToken": "<|endoftext|>""#), model: "qwen2_a")
                .contains("ends texts of"))
        #expect(
            failure(sft(plain + #", "objective": "autoregressive""#)).contains("predicts its own token"))
        #expect(failure(sft(#", "generationLength": 2"#)).contains("generationLength is 2; raise it"))
        #expect(failure(sft(#", "packedLength": 65000"#)).contains("make rows shorter"))
        #expect(
            failure(sft(#", "packedLength": 16, "generationLength": 16"#))
                .contains("\"generationLength\" has no effect with packed rows"))
        #expect(
            failure(sft(#", "windowLength": 16"#)).contains(
                "\"windowLength\" has no effect with the objective llada"))
        #expect(
            failure(sft(#", "maskToken": "<|mask|>", "adapter": {}"#)).contains("An adapter leaves"))
        #expect(
            failure(sft(#", "chatTemplate": "{{ 1 }}", "adapter": {}"#)).contains(
                "An adapter leaves the model's files"))
        let unknown = failure(sft(plain + #", "chatTemplate": "{% for message in %}""#))
        #expect(unknown.contains("sft.json:") && unknown.contains("chatTemplate"), "\(unknown)")
        let questions = (0..<8).map { #"{"prompt": "Say \#($0) !"}"# }
        let missing = failure(sft(plain), lines: questions, grader: "none")
        #expect(
            missing.contains("there is no response to learn from") && missing.contains("line 1 (record-1)"))
    }

    @Test func aChatTemplateIsTrainedWithAndKept() throws {
        let template = "{% for message in messages %}<q> {{ message.content }}\n{% endfor %}"
        func stage(_ keys: String) -> String {
            #""teacher": {"kind": "sft", "model": "@model", "data": "@q", "generationLength": 16, "steps": 1, "batch": 2, "maskToken": "<|mask|>"\#(keys)}"#
        }
        let key = #", "chatTemplate": "\#(template.replacing("\n", with: #"\n"#))""#
        let outcome = try run(stage(key), model: "qwen2_a")
        let folder = try #require(outcome.artifact("teacher")).folder
        #expect(try FileSystem.readText(folder.appending("chat_template.jinja")) == template)
        let set = DataSet(try #require(outcome.artifact("q")).folder, name: "@q")
        let item = try #require(try set.items(.train).first)
        let made = try LoadedModel(folder)
        let prompt = try made.encoder.prompt(item, room: 16)
        #expect(
            made.tokens.tokenizer.decode(tokenIds: prompt.map(Int.init), skipSpecialTokens: false)
                == "<q> \(item.question)\n")
        // It is what the training saw: with the model's own template other weights come out.
        let own = try run(stage(""), model: "qwen2_a")
        #expect(try weights(own.artifact("teacher")) != weights(outcome.artifact("teacher")))
    }

    @Test func aFormerNameOfAKindIsUnderstood() throws {
        let path = scratch.path.appending("f.jsonl")
        try FileSystem.writeAtomically("{\"text\": \"a\"}\n", to: path)
        let text = """
            {"name": "old", "seed": 1, "stages": {"f": {"kind": "dataset", "path": "\(path)", "sha256": "\(try SHA256.hex(ofFile: path))"}}}
            """
        let outcome = try Runner(
            Experiment.parse(Array(text.utf8), name: "o.json", overrides: [], registry: Stages.registry),
            store: store, options: .init(threads: 1)
        ).run()
        #expect(outcome.artifact("f")?.record.type == "files")
    }
}
