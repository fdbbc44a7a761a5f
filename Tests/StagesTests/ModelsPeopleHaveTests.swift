import Files
import JSON
import SystemPackage
import TestSupport
import Testing
import Tokenizers
import Transformers

/// Small checkpoints that people have now: what is read and what is refused, and the table of them in docs/models.md.
@Suite struct ModelsPeopleHaveTests {
    /// A model of `Tests/Fixtures/models-people-have`.
    struct Model: CustomTestStringConvertible {
        let name: String
        let folder: FilePath
        let tokenizer: FilePath
        /// Its config.json.
        let root: JSONNode
        /// What the program makes of config.json: a configuration, or why there is none.
        let reading: Result<TransformerConfiguration, CheckpointError>

        var testDescription: String { name }

        var type: String { root["model_type"]?.string ?? "" }

        init(_ entry: JSONNode) throws {
            func text(_ key: String) throws -> String { try #require(entry[key]?.string) }
            let home = Fixtures.path("models-people-have")
            name = try text("name")
            folder = home.appending(try text("folder"))
            tokenizer = home.appending("tokenizers").appending(try text("tokenizer"))
            let path = folder.appending("config.json")
            root = try JSONDocument(parsing: FileSystem.read(path), name: path.string).root
            do {
                reading = .success(try Checkpoint.configuration(folder))
            } catch let error as CheckpointError {
                reading = .failure(error)
            }
        }

        static func all() throws -> [Model] {
            let path = Fixtures.path("models-people-have/index.json")
            let index = try JSONDocument(parsing: FileSystem.read(path), name: path.string).root
            return try #require(index["models"]?.array).map { try Model($0) }
        }

        private func size(_ keys: String...) throws -> Int {
            let found = keys.compactMap { root[$0]?.int }
            return try #require(found.first)
        }

        /// Parameters of the matrices, from the file's own keys: also of models that aren't read.
        func matrixParameters() throws -> Int {
            let width = try size("hidden_size", "d_model")
            let heads = try size("num_attention_heads", "n_heads")
            let head = root["head_dim"]?.int ?? width / heads
            let keys = try size("num_key_value_heads", "n_kv_heads") * head
            let inner = try size("intermediate_size", "mlp_hidden_size")
            let block = 2 * width * heads * head + 2 * width * keys + 3 * width * inner
            let isTied = (root["tie_word_embeddings"] ?? root["weight_tying"])?.bool ?? false
            let embedding = try size("embedding_size", "vocab_size") * width
            return try size("num_hidden_layers", "n_layers") * block + (isTied ? 1 : 2) * embedding
        }

        /// The base of the rotary positions, and how they are scaled.
        func rotary() throws -> String {
            let base = ModelsPeopleHaveTests.grouped(Int(try #require(root["rope_theta"]?.double)))
            guard let scaling = root["rope_scaling"], !scaling.isNull else { return base }
            let kind = try #require(scaling["rope_type"]?.string)
            return "\(base), \(kind) × \(Int(try #require(scaling["factor"]?.double)))"
        }

        /// How the tokenizer cuts text, as its files name it.
        func cutting() throws -> String {
            let path = tokenizer.appending("tokenizer.json")
            guard FileSystem.exists(path) else {
                let file = tokenizer.appending("tokenizer_config.json")
                let root = try JSONDocument(parsing: FileSystem.read(file), name: file.string).root
                return "`\(try #require(root["tokenizer_class"]?.string))` with vocab.json"
            }
            let root = try JSONDocument(parsing: FileSystem.read(path), name: path.string).root
            let parts = try #require(root["pre_tokenizer"]?["pretokenizers"]?.array)
            return try parts.map { part in
                let type = try #require(part["type"]?.string)
                if part["individual_digits"]?.bool == true { return "\(type) one by one" }
                guard let pattern = part["pattern"]?["Regex"]?.string else { return type }
                return "\(type), digits \(pattern.contains("{1,3}") ? "in threes" : "one by one")"
            }.joined(separator: " + ")
        }
    }

    /// 500000 as "500,000".
    static func grouped(_ number: Int) -> String {
        var digits = Array(String(number))
        for place in stride(from: digits.count - 3, to: 0, by: -3) { digits.insert(",", at: place) }
        return String(digits)
    }

    /// 1235814400 as "1.24 billion", 134515008 as "135 million".
    static func rounded(_ parameters: Int) -> String {
        guard parameters >= 1_000_000_000 else { return "\((parameters + 500_000) / 1_000_000) million" }
        let hundredths = (parameters + 5_000_000) / 10_000_000
        let rest = String(hundredths % 100)
        return "\(hundredths / 100).\(rest.count == 1 ? "0" : "")\(rest) billion"
    }

    /// The sentence of a refusal that says what is missing.
    static func reason(_ error: CheckpointError) throws -> String {
        let text = error.message
        let start = try #require(text.firstRange(of: "is not implemented: "))
        let end = try #require(text.firstRange(of: "; known are: "))
        return String(text[start.upperBound..<end.lowerBound])
    }

    private func table(_ models: [Model]) throws -> String {
        var lines = [
            "| model | `model_type` | parameters | read | rotary base | tokenizer, which is read |",
            "|---|---|---|---|---|---|",
        ]
        for model in models {
            let (read, parameters) =
                switch model.reading {
                case .success(let configuration): ("yes", configuration.parameterCount)
                case .failure(let error):
                    ("no: \(try Self.reason(error))", try model.matrixParameters())
                }
            _ = try TokenizerFiles(folder: model.tokenizer)
            lines.append(
                "| \(model.name) | `\(model.type)` | \(Self.rounded(parameters)) | \(read) | \(try model.rotary()) | \(try model.cutting()) |"
            )
        }
        return lines.joined(separator: "\n")
    }

    @Test("the table in docs/models.md is what the program says; RECORD_SNAPSHOTS=1 writes it")
    func documented() throws {
        let path = Fixtures.path("").removingLastComponent().removingLastComponent()
            .appending("docs").appending("models.md")
        let marks = ("<!-- models-people-have -->", "<!-- /models-people-have -->")
        var text = try FileSystem.readText(path)
        func place() throws -> Range<String.Index> {
            let start = try #require(text.firstRange(of: marks.0)).upperBound
            let end = try #require(text.firstRange(of: marks.1)).lowerBound
            try #require(start <= end)
            return start..<end
        }
        let table = "\n\(try table(Model.all()))\n"
        if Command.environment("RECORD_SNAPSHOTS") == "1" {
            text.replaceSubrange(try place(), with: table)
            try FileSystem.writeAtomically(text, to: path)
        }
        #expect(String(text[try place()]) == table)
    }

    @Test("of eighteen models the one of a type that lacks something is refused by what is missing")
    func refusals() throws {
        let models = try Model.all()
        #expect(models.count == 18)
        var refused: [String] = []
        for model in models {
            guard case .failure(let error) = model.reading else { continue }
            #expect("\(error)".contains("model_type \"\(model.type)\" is not implemented: it "), "\(error)")
            refused.append(model.type)
        }
        #expect(refused == ["olmo2"])
    }

    @Test("what is read has the published number of parameters, and tokens that its tokenizer knows")
    func read() throws {
        /// In millions, as the publishers and their files' sizes give them.
        let published = [
            "meta-llama/Llama-3.2-1B-Instruct": 1235.81, "meta-llama/Llama-3.2-3B-Instruct": 3212.75,
            "Qwen/Qwen2.5-0.5B-Instruct": 494.03, "Qwen/Qwen2.5-1.5B-Instruct": 1543.71,
            "Qwen/Qwen3-0.6B": 596.05, "Qwen/Qwen3-1.7B": 1720.57,
            "HuggingFaceTB/SmolLM2-135M-Instruct": 134.52, "HuggingFaceTB/SmolLM2-360M-Instruct": 361.82,
            "HuggingFaceTB/SmolLM2-1.7B-Instruct": 1711.38, "GSAI-ML/LLaDA-1.5": 8015.58,
            "Dream-org/Dream-v0-Instruct-7B": 7615.62, "apple/DiffuCoder-7B-cpGRPO": 7615.62,
            // Qwen3's with a head of its own, and Qwen2.5's.
            "JetLM/SDAR-1.7B-Chat": 2031.74, "JetLM/SDAR-4B-Chat": 4411.42, "JetLM/SDAR-8B-Chat": 8190.74,
            "Efficient-Large-Model/Fast_dLLM_v2_1.5B": 1543.71,
            "Efficient-Large-Model/Fast_dLLM_v2_7B": 7615.62,
        ]
        var compared = 0
        for model in try Model.all() {
            guard case .success(let configuration) = model.reading else { continue }
            let millions = Double(configuration.parameterCount) / 1e6
            #expect(abs(millions - (published[model.name] ?? 0)) < 0.01, "\(model.name): \(millions)")
            // Without vectors, as the table counts those of models that are refused.
            let vectors = try configuration.parameterCount - model.matrixParameters()
            #expect(vectors > 0 && Double(vectors) < 1e-3 * Double(configuration.parameterCount))
            let tokenizer = try TokenizerFiles(folder: model.tokenizer).tokenizer
            let tokens = [configuration.endToken, configuration.maskToken].compactMap { $0 }
            for token in tokens + configuration.furtherEndTokens {
                #expect(tokenizer.convertIdToToken(Int(token)) != nil, "\(model.name): \(token)")
            }
            // Fast-dLLM v2's is known to its tokenizer alone.
            let isMasked = configuration.attention == .bidirectional || model.type == "sdar"
            #expect((configuration.maskToken != nil) == isMasked && configuration.endToken != nil)
            compared += 1
        }
        #expect(compared == published.count)
    }
}
