import Files
import GGUF
import JSON
import Numerics
import SystemPackage
import TestSupport
import Testing

@testable import Transformers

/// Models in GGUF, against what the `gguf` package and transformers make of the same files.
///
/// Recorded by `scripts/record-gguf-cases.py`.
@Suite struct GGUFModelTests {
    private static let root = Fixtures.path("gguf")

    private static func index() throws -> JSONNode {
        let path = root.appending("index.json")
        return try JSONDocument(parsing: FileSystem.read(path), name: path.string).root
    }

    @Test(
        "blocks become the floats that the gguf package makes of them, bit for bit",
        arguments: GGUFTensorType.allCases)
    func blocks(type: GGUFTensorType) throws {
        let file = try GGUFFile(Self.root.appending("blocks.gguf"))
        let expected = try SafetensorsFile(Self.root.appending("blocks.safetensors"))
        let tensor = try #require(file.tensors[type.name])
        #expect(tensor.type == type && tensor.shape.count == 2 && tensor.shape[1] == 256)
        let (rows, columns) = (tensor.shape[0], tensor.shape[1])
        let buffer = FloatBuffer(zeros: tensor.count)
        withExtendedLifetime((file, buffer)) {
            GGUFBlocks.dequantize(
                type, file.bytes(of: tensor), into: buffer.pointer, count: tensor.count)
        }
        let found = buffer.matrix(rows: rows, columns: columns).view
        let recorded = try expected.matrix(type.name, shape: tensor.shape, rows: rows, columns: columns)
        var (differing, finite, infinite) = (0, 0, 0)
        for i in 0..<tensor.count {
            let (one, other) = (found[i / columns, i % columns], recorded[i / columns, i % columns])
            if other.isFinite { finite += 1 } else { infinite += 1 }
            // Which of two NaN an operation gives is the processor's to say.
            if one.bitPattern != other.bitPattern && !(one.isNaN && other.isNaN) { differing += 1 }
        }
        #expect(differing == 0)
        #expect(finite > tensor.count / 2)
        // Scales at infinity and NaN are among them.
        #expect(infinite > 0 || type == .float32 || type == .bfloat16 || type == .float16)
    }

    @Test("every tensor is the one that transformers loads", arguments: ["llama", "qwen2", "qwen3"])
    func tensors(name: String) throws {
        let folder = Self.root.appending(name)
        let model = try Checkpoint.load(folder)
        let family = try Checkpoint.family(folder)
        let hashes = try #require(Self.index()["models"]?[name]?["sha256"])
        let specifications = model.configuration.parameterSpecifications
        #expect(specifications.count == (hashes.members?.count ?? 0) - (model.configuration.tiedHead ? 1 : 0))
        for specification in specifications {
            let matrix = model.widened(specification.role)
            let bytes = (0..<matrix.rows).flatMap { row in
                (0..<matrix.columns).flatMap { GGUFBuilder.number(matrix[row, $0].bitPattern) }
            }
            let name = family.name(of: specification.role)
            #expect(SHA256.hex(of: bytes) == hashes[name]?.string, "\(name)")
        }
    }

    @Test("logits and greedy tokens are those of transformers", arguments: ["llama", "qwen2", "qwen3"])
    func logits(name: String) throws {
        let folder = Self.root.appending(name)
        let model = try Checkpoint.load(folder)
        let frozen = try Checkpoint.loadFrozen(folder)
        let entry = try #require(Self.index()["models"]?[name])
        func sequences(_ key: String) throws -> [[Int32]] {
            try #require(entry[key]?.array).map { ($0.array ?? []).compactMap { $0.int.map(Int32.init) } }
        }
        let recorded = try SafetensorsFile(Self.root.appending("\(name).safetensors"))
        for (i, tokens) in try sequences("logits").enumerated() {
            let expected = try recorded.matrix(
                "causal\(i)", shape: [tokens.count, model.configuration.vocabulary], rows: tokens.count,
                columns: model.configuration.vocabulary)
            for model in [model, frozen] {
                let found = model.logits([ForwardInput(tokens: tokens, attention: .causal)], Workspace())
                #expect(found.distance(to: expected) < 1e-4, "\(i): \(found.distance(to: expected))")
            }
        }
        let greedy = try sequences("greedy")
        #expect(greedy.count == 2)
        for (prompt, expected) in zip(try sequences("prompts"), greedy) {
            var tokens = prompt
            for _ in expected {
                let logits = model.logits([ForwardInput(tokens: tokens, attention: .causal)], Workspace())
                let last = tokens.count - 1
                let best = (0..<logits.columns).max { logits[last, $0] < logits[last, $1] }
                tokens.append(Int32(try #require(best)))
            }
            #expect(Array(tokens.dropFirst(prompt.count)) == expected)
        }
    }

    @Test(
        "a file is read as the folder that holds it, and less precise weights are near",
        arguments: ["llama", "qwen2"])
    func precision(name: String) throws {
        let folder = Self.root.appending(name)
        let tokens: [Int32] = [5, 6, 7]
        func logits(_ model: Transformer) -> Matrix {
            model.logits([ForwardInput(tokens: tokens, attention: .causal)], Workspace())
        }
        let expected = logits(try Checkpoint.load(folder))
        #expect(logits(try Checkpoint.load(folder.appending("model.gguf"))).distance(to: expected) == 0)
        let largest =
            (0..<expected.columns).map { max(abs(expected[0, $0]), abs(expected[2, $0])) }.max() ?? 0
        for precision in [WeightPrecision.bfloat16, .int8] {
            let distance = logits(try Checkpoint.load(folder, precision: precision)).distance(to: expected)
            #expect(distance > 0 && distance < 0.1 * largest, "\(precision): \(distance) of \(largest)")
        }
        #expect(try !Checkpoint.isStoredInBFloat16(folder))
        #expect(try Checkpoint.remarks(folder).isEmpty)
    }

    @Test("what is saved of such a model is the same model in Hugging Face layout")
    func saving() throws {
        let scratch = try ScratchFolder()
        let model = try Checkpoint.load(Self.root.appending("llama"))
        try Checkpoint.save(model, family: LlamaFamily.self, to: scratch.path)
        let again = try Checkpoint.load(scratch.path)
        #expect(again.configuration == model.configuration)
        for specification in model.configuration.parameterSpecifications {
            #expect(again.widened(specification.role).distance(to: model.widened(specification.role)) == 0)
        }
    }

    // MARK: - Writing

    @Test(
        "rows become the bytes that the gguf package makes of them",
        arguments: [GGUFTensorType.float32, .float16, .bfloat16, .q80])
    func writtenBlocks(type: GGUFTensorType) throws {
        let source = try SafetensorsFile(Self.root.appending("blocks.safetensors"))
        let recorded = try #require(Self.index()["rows"]?[type.name]?.members)
        #expect(recorded.count > 5)
        for (name, value) in recorded.map({ ($0.key, $0.value) }) {
            let shape = try source.entry(named: name).shape
            let rows = try source.matrix(name, shape: shape, rows: shape[0], columns: shape[1])
            var bytes: [UInt8] = []
            var count = 0
            for row in 0..<rows.rows {
                // Those that were recorded: numbers that every type can hold, and scales that have an inverse.
                let values = rows.row(row)
                let scales = (0..<values.count / 32).map { block in
                    (0..<32).map { values[32 * block + $0].magnitude }.reduce(0, max) / 127
                }
                guard values.allSatisfy({ $0.magnitude < 65504 }),
                    scales.allSatisfy({ $0 == 0 || (1 / $0).isFinite })
                else { continue }
                count += 1
                var part = [UInt8](
                    repeating: 0, count: values.count / type.block.elements * type.block.bytes)
                #expect(part.withUnsafeMutableBytes { GGUFBlocks.quantize(type, values, into: $0) })
                bytes += part
            }
            #expect(count == value.array?[0].int, "\(name)")
            #expect(SHA256.hex(of: bytes) == value.array?[1].string, "\(name)")
        }
    }

    @Test(
        "what a type can't hold is refused",
        arguments: [
            (GGUFTensorType.float32, Float.infinity), (.float16, 65520), (.bfloat16, 3.4e38),
            (.bfloat16, .nan),
            (.q80, .nan), (.q80, -.infinity), (.q80, 1e7),
        ])
    func beyondTypes(type: GGUFTensorType, value: Float) {
        var values = [Float](repeating: 1, count: 32)
        values[7] = value
        var bytes = [UInt8](repeating: 0, count: 32 / type.block.elements * type.block.bytes)
        let fits = values.withUnsafeBufferPointer { values in
            bytes.withUnsafeMutableBytes { GGUFBlocks.quantize(type, values, into: $0) }
        }
        #expect(!fits)
    }

    @Test(
        "a file that is written has the values and the bytes that llama.cpp's convert_hf_to_gguf.py gives it",
        arguments: ["llama", "qwen2", "qwen3"], Checkpoint.GGUFForm.allCases)
    func written(name: String, form: Checkpoint.GGUFForm) throws {
        let scratch = try ScratchFolder()
        let path = scratch.path.appending("m.gguf")
        let model = try Checkpoint.loadFrozen(Self.root.appending(name))
        try Checkpoint.saveGGUF(
            model, family: Checkpoint.family(Self.root.appending(name)), form, name: name, tokenizer: [],
            to: path)
        let file = try GGUFFile(path)
        let recorded = try #require(Self.index()["written"]?[name]?[form.rawValue])
        let tensors = try #require(recorded["tensors"]?.members)
        #expect(file.tensors.count == tensors.count && tensors.count > 10)
        for (name, value) in tensors.map({ ($0.key, $0.value) }) {
            let tensor = try #require(file.tensors[name])
            #expect(tensor.type.name == value.array?[0].string, "\(name)")
            #expect(SHA256.hex(of: Array(file.bytes(of: tensor))) == value.array?[1].string, "\(name)")
        }
        var compared = 0
        let values = try #require(recorded["values"]?.members)
        for (key, value) in values.map({ ($0.key, $0.value) }) where !key.hasPrefix("tokenizer.") {
            // What it draws from the name, which only describes.
            if ["general.size_label", "general.finetune", "general.basename"].contains(key) { continue }
            if let expected = value.string {
                #expect(try file.string(key) == expected, "\(key)")
            } else {
                #expect(try file.number(key) == value.double, "\(key)")
            }
            compared += 1
        }
        #expect(compared >= 14)
    }

    @Test(
        "a model that is written in 32-bit floats is the same when it is read",
        arguments: ["llama", "qwen2", "qwen3"])
    func writtenAndRead(name: String) throws {
        let scratch = try ScratchFolder()
        let folder = Self.root.appending(name)
        let model = try Checkpoint.load(folder)
        let path = scratch.path.appending("m.gguf")
        try Checkpoint.saveGGUF(
            model, family: Checkpoint.family(folder), .float32, name: name, tokenizer: [], to: path)
        let again = try Checkpoint.load(path)
        for specification in model.configuration.parameterSpecifications {
            #expect(again.widened(specification.role).distance(to: model.widened(specification.role)) == 0)
        }
        #expect(again.configuration.headWidth == model.configuration.headWidth)
    }

    @Test("rotary scaling is written, and what can't be said is refused")
    func writtenConfigurations() throws {
        let scratch = try ScratchFolder()
        let path = scratch.path.appending("m.gguf")
        func write(
            _ change: (inout TransformerConfiguration) -> Void,
            _ family: any ModelFamily.Type = LlamaFamily.self
        ) throws -> TransformerConfiguration {
            var configuration = try Self.load(Self.small()).configuration
            change(&configuration)
            let model = try Transformer(
                configuration,
                parameters: ModelParameters(configuration) { (specification) -> Matrix in
                    MutableMatrix(zeros: specification.rows, specification.columns).view
                })
            try Checkpoint.saveGGUF(model, family: family, .q80, name: "x", tokenizer: [], to: path)
            return try Checkpoint.configuration(path)
        }
        let llama3 = RotaryScaling.llama3(factor: 32, low: 1, high: 4, originalPositions: 8192)
        let scaled = try write {
            $0.ropeScaling = llama3
            $0.ropeTheta = 500_000
            $0.headWidth = 64
        }
        #expect(scaled.ropeScaling == llama3 && scaled.headWidth == 64)
        #expect(try write { $0.ropeScaling = .linear(factor: 2.5) }.ropeScaling == .linear(factor: 2.5))
        try FileSystem.remove(path)
        func problem(
            _ change: (inout TransformerConfiguration) -> Void,
            _ family: any ModelFamily.Type = LlamaFamily.self
        ) throws -> String {
            let error = try #require(throws: CheckpointError.self) { try write(change, family) }
            #expect(!FileSystem.exists(path))
            return "\(error)".replacing("\(path): ", with: "")
        }
        #expect(
            try problem { $0.ropeTheta = 500_000.01 }
                == "the model can't be written in GGUF: it has no way to say rotary base 500000.01 (it would be read as 500000.0)"
        )
        #expect(
            try problem {
                $0.ropeScaling = .llama3(factor: 8, low: 1, high: 2, originalPositions: 8192)
            }.hasSuffix(
                "only Llama 3's own rotary scaling can be read again there (low 1, high 4, 8192 positions)"))
        #expect(
            try problem({ _ in }, A2DLlamaFamily.self)
                == "a model of type a2d-llama can't be written in GGUF; models of the types llama, qwen2, qwen3 can"
        )
    }

    @Test("weights that are no numbers are refused by their tensor, and nothing is written")
    func writtenWeights() throws {
        let scratch = try ScratchFolder()
        let path = scratch.path.appending("m.gguf")
        let configuration = try Self.load(Self.small()).configuration
        let model = try Transformer(
            configuration,
            parameters: ModelParameters(configuration) { (specification) -> Matrix in
                let matrix = MutableMatrix(zeros: specification.rows, specification.columns)
                if specification.role == .block(0, .key) { matrix[2, 1] = .nan }
                return matrix.view
            })
        let error = try #require(throws: CheckpointError.self) {
            try Checkpoint.saveGGUF(
                model, family: LlamaFamily.self, .bfloat16, name: "x", tokenizer: [], to: path)
        }
        #expect(
            "\(error)".hasSuffix(
                "blk.0.attn_k.weight: row 2 has a weight that is no number or too large for BF16"),
            "\(error)")
        #expect(try FileSystem.list(scratch.path).isEmpty)
    }

    // MARK: - Configuration

    /// A llama of one block with two heads of width 4, all of zeros.
    private static func small(_ architecture: String = "llama") -> GGUFBuilder {
        func key(_ name: String) -> String { "\(architecture).\(name)" }
        var builder = GGUFBuilder([
            ("general.architecture", .string(architecture)), (key("block_count"), .uint32(1)),
            (key("context_length"), .uint32(64)), (key("embedding_length"), .uint32(8)),
            (key("feed_forward_length"), .uint32(6)), (key("attention.head_count"), .uint32(2)),
            (key("attention.head_count_kv"), .uint32(1)),
            (key("attention.layer_norm_rms_epsilon"), .float32(1e-5)),
        ])
        builder.tensors = [
            .zeros("token_embd.weight", [8, 10]), .zeros("output_norm.weight", [8]),
            .zeros("blk.0.attn_norm.weight", [8]), .zeros("blk.0.attn_q.weight", [8, 8]),
            .zeros("blk.0.attn_k.weight", [8, 4]), .zeros("blk.0.attn_v.weight", [8, 4]),
            .zeros("blk.0.attn_output.weight", [8, 8]), .zeros("blk.0.ffn_norm.weight", [8]),
            .zeros("blk.0.ffn_gate.weight", [8, 6]), .zeros("blk.0.ffn_up.weight", [8, 6]),
            .zeros("blk.0.ffn_down.weight", [6, 8]),
        ]
        return builder
    }

    private static func load(_ builder: GGUFBuilder) throws -> Transformer {
        let scratch = try ScratchFolder()
        try builder.write(to: scratch.path.appending("m.gguf"))
        return try Checkpoint.load(scratch.path)
    }

    /// What is said of a file, without its path.
    private static func problem(_ builder: GGUFBuilder) throws -> String {
        let scratch = try ScratchFolder()
        try builder.write(to: scratch.path.appending("m.gguf"))
        let error = try #require(throws: (any Error).self) { try Checkpoint.load(scratch.path) }
        return "\(error)".replacing("\(scratch.path)/m.gguf: ", with: "")
    }

    private static func problem(_ change: (inout GGUFBuilder) -> Void) throws -> String {
        var builder = small()
        change(&builder)
        return try problem(builder)
    }

    @Test("the metadata says what config.json says")
    func reading() throws {
        var builder = Self.small()
        let plain = try Self.load(builder).configuration
        #expect(plain.layers == 1 && plain.width == 8 && plain.heads == 2 && plain.keyValueHeads == 1)
        #expect(plain.headWidth == 4 && plain.feedForwardWidth == 6 && plain.vocabulary == 10)
        #expect(plain.normEpsilon == 1e-5 && plain.ropeTheta == 10_000 && plain.ropeScaling == .unscaled)
        #expect(plain.tiedHead && plain.maximumPositions == 64 && plain.attention == .causal)
        #expect(plain.logitShift && plain.endToken == nil && plain.maskToken == nil)
        builder["llama.rope.freq_base"] = .float32(500_000)
        builder["llama.rope.scaling.type"] = .string("linear")
        builder["llama.rope.scaling.factor"] = .float32(2.5)
        builder["tokenizer.ggml.eos_token_id"] = .uint32(3)
        builder["tokenizer.ggml.eot_token_id"] = .uint32(4)
        builder["tokenizer.ggml.eom_token_id"] = .uint32(3)
        builder.tensors.append(.zeros("output.weight", [8, 10]))
        let other = try Self.load(builder).configuration
        #expect(other.ropeTheta == 500_000 && other.ropeScaling == .linear(factor: 2.5) && !other.tiedHead)
        #expect(other.endToken == 3 && other.furtherEndTokens == [4])
        // Factors of 1 and kinds of none scale nothing; keys without a kind are linear.
        builder["llama.rope.scaling.factor"] = .float32(1)
        #expect(try Self.load(builder).configuration.ropeScaling == .unscaled)
        builder["llama.rope.scaling.type"] = .string("none")
        builder["llama.rope.scaling.factor"] = .float32(4)
        #expect(try Self.load(builder).configuration.ropeScaling == .unscaled)
        builder["llama.rope.scaling.type"] = nil
        #expect(try Self.load(builder).configuration.ropeScaling == .linear(factor: 4))
        // Wider heads than the width shares out.
        var wide = Self.small()
        wide["llama.attention.key_length"] = .uint32(6)
        wide["llama.attention.value_length"] = .uint32(6)
        wide["llama.rope.dimension_count"] = .uint32(6)
        for (i, rows) in [(3, 12), (4, 6), (5, 6)] as [(Int, UInt64)] {
            wide.tensors[i] = .zeros(wide.tensors[i].name, [8, rows])
        }
        wide.tensors[6] = .zeros(wide.tensors[6].name, [12, 8])
        #expect(try Self.load(wide).configuration.headWidth == 6)
    }

    @Test("queries and keys of llama are put in the order of halves, those of qwen2 are left")
    func order() throws {
        // Row r of the file's queries holds r.
        func rows(_ count: Int) -> [UInt8] {
            (0..<count).flatMap { row in (0..<8).flatMap { _ in GGUFBuilder.number(Float(row).bitPattern) } }
        }
        var builder = Self.small()
        builder.tensors[3].bytes = rows(8)
        builder.tensors[4].bytes = rows(4)
        let llama = try Self.load(builder)
        func column(_ model: Transformer, _ role: ParameterRole.BlockRole) -> [Float] {
            let matrix = model.widened(.block(0, role))
            return (0..<matrix.rows).map { matrix[$0, 0] }
        }
        #expect(column(llama, .query) == [0, 2, 1, 3, 4, 6, 5, 7] && column(llama, .key) == [0, 2, 1, 3])
        var qwen = Self.small("qwen2")
        qwen.tensors[3].bytes = rows(8)
        for (name, count) in [("q", 8), ("k", 4), ("v", 4)] as [(String, UInt64)] {
            qwen.tensors.append(.zeros("blk.0.attn_\(name).bias", [count]))
        }
        #expect(column(try Self.load(qwen), .query) == [0, 1, 2, 3, 4, 5, 6, 7])
    }

    @Test("the factors of Llama 3's rotary frequencies are known by their numbers")
    func rotaryFactors() throws {
        // As `LlamaModel.generate_extra_tensors` of llama.cpp's convert_hf_to_gguf.py writes them for Llama 3.2 1B, whose heads
        // are 64 wide: base 500,000, factor 32, low 1, high 4, 8192 positions; computed with numpy.
        let factors: [Float] = [
            1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1.6513291597366333, 3.292262554168701,
            9.666729927062988, 32, 32,
            32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32, 32,
        ]
        var builder = Self.small()
        builder["llama.rope.freq_base"] = .float32(500_000)
        builder["llama.attention.head_count"] = .uint32(1)
        builder["llama.attention.key_length"] = .uint32(64)
        builder.tensors[3] = .zeros(builder.tensors[3].name, [8, 64])
        builder.tensors[4] = .zeros(builder.tensors[4].name, [8, 64])
        builder.tensors[5] = .zeros(builder.tensors[5].name, [8, 64])
        builder.tensors[6] = .zeros(builder.tensors[6].name, [64, 8])
        func with(_ factors: [Float]) -> GGUFBuilder {
            var builder = builder
            builder.tensors.append(
                .init(
                    "rope_freqs.weight", [UInt64(factors.count)],
                    bytes: factors.flatMap { GGUFBuilder.number($0.bitPattern) }))
            return builder
        }
        #expect(
            try Self.load(with(factors)).configuration.ropeScaling
                == .llama3(factor: 32, low: 1, high: 4, originalPositions: 8192))
        let refusal =
            "tensor rope_freqs.weight: holds factors of the rotary frequencies that aren't those of Llama 3 (low 1, high 4, 8192 positions), which alone are implemented"
        var changed = factors
        changed[16] = 3.3
        #expect(try Self.problem(with(changed)) == refusal)
        changed[16] = .nan
        #expect(try Self.problem(with(changed)) == refusal)
        #expect(try Self.problem(with(Array(factors.dropLast()))) == refusal)
        var twice = with(factors)
        twice["llama.rope.scaling.factor"] = .float32(2)
        #expect(try Self.problem(twice) == refusal)
    }

    @Test("what isn't implemented is refused by its name")
    func unknown() throws {
        #expect(
            try Self.problem { $0["general.architecture"] = .string("gemma3") }
                == "key general.architecture: is \"gemma3\", which isn't implemented; known are: llama, qwen2, qwen3"
        )
        #expect(
            try Self.problem { $0["general.architecture"] = nil }
                == "key general.architecture: is missing; it names the model's family")
        #expect(
            try Self.problem { $0["llama.rope.scaling.type"] = .string("yarn") }
                == "key llama.rope.scaling.type: is \"yarn\"; none and linear with a factor are implemented, and llama3 in rope_freqs.weight"
        )
        #expect(
            try Self.problem { $0["llama.rope.scaling.type"] = .string("linear") }
                == "key llama.rope.scaling.type: is \"linear\" without a factor; none and linear with a factor are implemented, and llama3 in rope_freqs.weight"
        )
        #expect(
            try Self.problem { $0["llama.expert_count"] = .uint32(8) }
                == "key llama.expert_count: other than 0 is not implemented")
        #expect(
            try Self.problem { $0["llama.attention.causal"] = .bool(false) }
                == "key llama.attention.causal: other than true is not implemented")
        for key in ["rope.dimension_count", "attention.value_length"] {
            #expect(
                try Self.problem { $0["llama.\(key)"] = .uint32(2) }
                    == "key llama.\(key): is 2; only the width of a head (4) is implemented")
        }
        var qwen = Self.small("qwen2")
        qwen["qwen2.rope.scaling.type"] = .string("linear")
        qwen["qwen2.rope.scaling.factor"] = .float32(4)
        let scaled = try Self.problem(qwen)
        #expect(scaled.hasPrefix("the metadata, read as a config.json: ") && scaled.contains("rope_scaling"))
    }

    @Test("what is missing or wrong is refused by its key")
    func incomplete() throws {
        for key in [
            "block_count", "context_length", "embedding_length", "feed_forward_length",
            "attention.head_count", "attention.layer_norm_rms_epsilon",
        ] {
            #expect(
                try Self.problem { $0["llama.\(key)"] = nil }
                    == "key llama.\(key): is missing; a file of this architecture has it")
        }
        #expect(
            try Self.problem { $0["llama.attention.head_count_kv"] = .integers([1]) }
                == "key llama.attention.head_count_kv: should be a whole number that isn't negative, not a list of 1 values of type 5"
        )
        #expect(
            try Self.problem { $0["llama.attention.head_count"] = .uint32(0) }
                == "the metadata, read as a config.json: the heads can't be 0")
        #expect(
            try Self.problem { $0["llama.rope.freq_base"] = .float32(.nan) }
                == "key llama.rope.freq_base: should be a finite number, not nan")
        #expect(
            try Self.problem { $0["tokenizer.ggml.eos_token_id"] = .uint32(10) }
                == "the metadata, read as a config.json: the end token 10 is outside the vocabulary of 10")
        #expect(
            try Self.problem { $0.tensors.removeFirst() }
                == "tensor token_embd.weight: is missing or no matrix; it is the embedding")
        #expect(
            try Self.problem { $0.tensors.remove(at: 8) }
                == "tensor blk.0.ffn_gate.weight: is missing; the file has 10 tensors")
        #expect(
            try Self.problem { $0.tensors[8] = .zeros("blk.0.ffn_gate.weight", [6, 8]) }
                == "tensor blk.0.ffn_gate.weight: expected shape [6, 8], found [8, 6]")
        for name in ["blk.1.attn_q.weight", "blk.0.attn_q.bias", "blk.0.attn_q_norm.weight"] {
            #expect(
                try Self.problem { $0.tensors.append(.zeros(name, [8])) }
                    == "tensor \(name): has no place in the model that the file's metadata describes (11 tensors, layers 1)"
            )
        }
        #expect(
            try Self.problem { $0.tensors.append(.zeros("model.norm.weight", [8])) }.contains(
                "is there under another name too, model.norm.weight"))
        // Heads that can't be halved.
        #expect(
            try Self.problem {
                $0["llama.attention.head_count"] = .uint32(8)
                $0["llama.attention.head_count_kv"] = .uint32(4)
            } == "the metadata, read as a config.json: the head width 1 is odd; rotary positions need pairs")
    }

    @Test("tensors that are no part of the model are passed over, and said")
    func strangers() throws {
        var builder = Self.small()
        builder.tensors.append(.zeros("cls.weight", [8, 2]))
        let scratch = try ScratchFolder()
        try builder.write(to: scratch.path.appending("m.gguf"))
        #expect(
            try Checkpoint.remarks(scratch.path)
                == ["\(scratch.path): the tensor cls.weight is no part of the model and not read."])
    }
}
