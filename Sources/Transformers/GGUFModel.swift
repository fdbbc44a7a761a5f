internal import Base
internal import Files
internal import GGUF
internal import JSON
internal import Numerics
internal import SystemPackage

/// A model in a GGUF file, as the families read one: its metadata as a config.json, its tensors under the families' names.
struct GGUFModel: Sendable {
    let file: GGUFFile
    private let architecture: Architecture
    /// Tensors by the family's names.
    private let tensors: [String: GGUFFile.Tensor]
    /// Heads of the queries and of the keys.
    private let heads: (queries: Int, keys: Int)

    /// Values of `general.architecture` that are read; those of `model_type` in config.json are the same.
    enum Architecture: String, CaseIterable {
        case llama, qwen2, qwen3

        /// llama.cpp turns neighbours of a head into pairs of rotary positions where Hugging Face's code pairs the halves; of
        /// this architecture its files have the rows of queries and keys in that order.
        var hasPairedRows: Bool { self == .llama }
    }

    /// Opens the GGUF file of a model; nil for a folder in Hugging Face layout.
    /// - Throws: `GGUFError`, `FileError`; ``CheckpointError`` for another architecture.
    init?(_ model: FilePath) throws {
        guard let file = try GGUFFile(model: model) else { return nil }
        self.file = file
        guard let name = try file.string("general.architecture") else {
            throw GGUFError(file.path, "key general.architecture", "is missing; it names the model's family")
        }
        guard let architecture = Architecture(rawValue: name) else {
            let known = Architecture.allCases.map(\.rawValue).joined(separator: ", ")
            throw GGUFError(
                file.path, "key general.architecture",
                "is \"\(name)\", which isn't implemented; known are: \(known)")
        }
        self.architecture = architecture
        let queries = try file.integer("\(name).attention.head_count") ?? 0
        heads = (queries, try file.integer("\(name).attention.head_count_kv") ?? queries)
        var tensors: [String: GGUFFile.Tensor] = [:]
        for (name, tensor) in file.tensors {
            let name = Self.familyName(of: name)
            guard tensors.updateValue(tensor, forKey: name) == nil else {
                throw GGUFError(
                    file.path, "tensor \(tensor.name)", "is there under another name too, \(name)")
            }
        }
        self.tensors = tensors
    }

    /// Names without `.weight` and `.bias`, llama.cpp's and the families'.
    private static let names = [
        ("token_embd", "model.embed_tokens"), ("output_norm", "model.norm"), ("output", "lm_head"),
    ]
    /// The same of a block, behind its number.
    private static let blockNames = [
        ("attn_norm", "input_layernorm"), ("attn_q", "self_attn.q_proj"), ("attn_k", "self_attn.k_proj"),
        ("attn_v", "self_attn.v_proj"), ("attn_output", "self_attn.o_proj"),
        ("attn_q_norm", "self_attn.q_norm"),
        ("attn_k_norm", "self_attn.k_norm"), ("ffn_norm", "post_attention_layernorm"),
        ("ffn_gate", "mlp.gate_proj"), ("ffn_up", "mlp.up_proj"), ("ffn_down", "mlp.down_proj"),
    ]

    /// What the families of all architectures call a tensor; other tensors keep their names.
    private static func familyName(of name: String) -> String {
        guard let (stem, suffix) = name.byteText.cut(atLast: ".").map({ ($0.before.text, $0.after.text) })
        else {
            return name
        }
        if let known = names.first(where: { $0.0 == stem }) { return "\(known.1).\(suffix)" }
        let parts = stem.byteText.split(".", keepingEmpty: true).map(\.text)
        guard parts.count == 3, parts[0] == "blk", let block = Int(parts[1]), "\(block)" == parts[1],
            let known = blockNames.first(where: { $0.0 == parts[2] })
        else { return name }
        return "model.layers.\(block).\(known.1).\(suffix)"
    }

    /// What llama.cpp calls a tensor of the families.
    static func usualName(of name: String) -> String {
        guard let (stem, suffix) = name.byteText.cut(atLast: ".").map({ ($0.before.text, $0.after.text) })
        else {
            return name
        }
        if let known = names.first(where: { $0.1 == stem }) { return "\(known.0).\(suffix)" }
        let parts = stem.byteText.split(".", maxSplits: 3, keepingEmpty: true).map(\.text)
        guard parts.count == 4, let known = blockNames.first(where: { $0.1 == parts[3] }) else { return name }
        return "blk.\(parts[2]).\(known.0).\(suffix)"
    }
}

// MARK: - Tensors

extension GGUFModel: TensorFile {
    var map: MappedFile { file.map }

    var path: FilePath { file.path }

    /// The factors of rotary frequencies are read with the configuration.
    var names: [String] { tensors.keys.filter { $0 != Self.rotaryFactorsName } }

    func ownName(of name: String) -> String { tensors[name]?.name ?? Self.usualName(of: name) }

    private func tensor(_ name: String) throws(CheckpointError) -> GGUFFile.Tensor {
        guard let tensor = tensors[name] else {
            throw CheckpointError(
                file.path, tensor: ownName(of: name), "is missing; the file has \(tensors.count) tensors")
        }
        return tensor
    }

    func range(of name: String) throws(CheckpointError) -> Range<Int> { try tensor(name).range }

    func isBFloat16(_: String) throws(CheckpointError) -> Bool { false }

    func isRounded(_: String) throws(CheckpointError) -> Bool { false }

    func bfloat16(_ name: String, shape: [Int]) throws(CheckpointError) -> UnsafeRawBufferPointer? {
        let tensor = try tensor(name)
        guard tensor.type == .bfloat16, tensor.shape == shape, pairedHeads(name) == nil else { return nil }
        return file.bytes(of: tensor)
    }

    /// The heads of a tensor whose rows lie in pairs; nil for any other.
    private func pairedHeads(_ name: String) -> Int? {
        guard architecture.hasPairedRows else { return nil }
        if name.byteText.hasSuffix(".self_attn.q_proj.weight") { return heads.queries }
        return name.byteText.hasSuffix(".self_attn.k_proj.weight") ? heads.keys : nil
    }

    func matrix(_ name: String, shape: [Int], rows: Int, columns: Int) throws(CheckpointError) -> Matrix {
        let tensor = try tensor(name)
        guard tensor.shape == shape else {
            throw CheckpointError(
                file.path, tensor: tensor.name, "expected shape \(shape), found \(tensor.shape)")
        }
        let source = file.bytes(of: tensor)
        let paired = pairedHeads(name)
        if let paired, paired < 1 || rows % (2 * paired) != 0 {
            throw CheckpointError(
                file.path, tensor: tensor.name, "has \(rows) rows, which \(paired) heads can't share in pairs"
            )
        }
        if tensor.type == .float32, paired == nil, let base = source.baseAddress,
            UInt(bitPattern: base) % 4 == 0
        {
            return Matrix(
                owner: file.map, pointer: base.assumingMemoryBound(to: Float.self), rows: rows,
                columns: columns, stride: columns)
        }
        let result = MutableMatrix(zeros: rows, columns)
        guard rows > 0, columns > 0 else { return result.view }
        let bytes = source.count / rows
        // Heads of one row have nothing to be put in order.
        let half = paired.map { rows / $0 / 2 } ?? 0
        Threads.parallelFor(rows, threads: tensor.count >= 1 << 16 ? Threads.available : 1) {
            (row: Int) -> Void in
            var from = row
            if half > 0 {
                // Row i of the first half of a head is the first of pair i, row i of the second half the second.
                let (head, place) = row.quotientAndRemainder(dividingBy: 2 * half)
                from = head * 2 * half + place % half * 2 + place / half
            }
            GGUFBlocks.dequantize(
                tensor.type,
                UnsafeRawBufferPointer(
                    rebasing: file.bytes(of: tensor)[from * bytes..<(from + 1) * bytes]),
                into: result.pointer + row * columns, count: columns)
        }
        // What the file held of it leaves the memory.
        map.advise(tensor.range, isNeeded: false)
        return result.view
    }
}

// MARK: - Configuration

extension GGUFModel {
    static let rotaryFactorsName = "rope_freqs.weight"

    /// The config.json that says what the metadata says, named as the file.
    /// - Throws: `GGUFError` for a key that is missing, of another type, or says something that isn't implemented.
    func configuration() throws -> JSONDocument {
        let name = architecture.rawValue
        func required(_ key: String) throws(GGUFError) -> Int {
            guard let value = try file.integer("\(name).\(key)") else {
                throw GGUFError(
                    file.path, "key \(name).\(key)", "is missing; a file of this architecture has it")
            }
            return value
        }
        guard let embedding = tensors["model.embed_tokens.weight"], embedding.shape.count == 2 else {
            throw GGUFError(
                file.path, "tensor token_embd.weight", "is missing or no matrix; it is the embedding")
        }
        try refuseOthers()
        let width = try required("embedding_length")
        let queries = try required("attention.head_count")
        var object: JSONObject = [
            "model_type": .string(name), "hidden_act": "silu", "hidden_size": .integer(width),
            "num_hidden_layers": .integer(try required("block_count")),
            "num_attention_heads": .integer(queries), "num_key_value_heads": .integer(heads.keys),
            "intermediate_size": .integer(try required("feed_forward_length")),
            "vocab_size": .integer(embedding.shape[0]),
            "max_position_embeddings": .integer(try required("context_length")),
            "tie_word_embeddings": .bool(tensors["lm_head.weight"] == nil),
            "rope_theta": .number(try file.number("\(name).rope.freq_base") ?? 10_000),
        ]
        guard let epsilon = try file.number("\(name).attention.layer_norm_rms_epsilon") else {
            throw GGUFError(
                file.path, "key \(name).attention.layer_norm_rms_epsilon",
                "is missing; a file of this architecture has it")
        }
        object["rms_norm_eps"] = .number(epsilon)
        let headWidth = try headWidth(width, queries)
        if let headWidth { object["head_dim"] = .integer(headWidth) }
        object["rope_scaling"] = try rotaryScaling(
            headWidth, base: try file.number("\(name).rope.freq_base") ?? 10_000)
        let ends = try endTokens()
        object["eos_token_id"] =
            ends.count > 1 ? .array(ends.map { .integer($0) }) : ends.first.map { .integer($0) } ?? .null
        return try JSONDocument(parsing: JSONValue.object(object).compactBytes(), name: file.path.string)
    }

    /// The tokens that end a text, a turn or a message, as the file names them.
    private func endTokens() throws(GGUFError) -> [Int] {
        var tokens: [Int] = []
        for role in ["eos", "eot", "eom"] {
            guard let token = try file.integer("tokenizer.ggml.\(role)_token_id") else { continue }
            if !tokens.contains(token) { tokens.append(token) }
        }
        return tokens
    }

    /// Refuses what llama.cpp would compute otherwise.
    private func refuseOthers() throws(GGUFError) {
        let name = architecture.rawValue
        for key in ["expert_count", "attention.sliding_window"] {
            guard let value = try file.integer("\(name).\(key)"), value != 0 else { continue }
            throw GGUFError(file.path, "key \(name).\(key)", "other than 0 is not implemented")
        }
        if try file.flag("\(name).attention.causal") == false {
            throw GGUFError(file.path, "key \(name).attention.causal", "other than true is not implemented")
        }
    }

    /// K; nil where it doesn't follow.
    private func headWidth(_ width: Int, _ queries: Int) throws(GGUFError) -> Int? {
        let name = architecture.rawValue
        let given = try file.integer("\(name).attention.key_length")
        let headWidth = given ?? (queries > 0 && width % queries == 0 ? width / queries : nil)
        for key in ["attention.value_length", "rope.dimension_count"] {
            guard let value = try file.integer("\(name).\(key)"), value != headWidth else { continue }
            throw GGUFError(
                file.path, "key \(name).\(key)",
                "is \(value); only the width of a head (\(headWidth.map { "\($0)" } ?? "unknown")) is implemented"
            )
        }
        return headWidth
    }

    /// What `rope_scaling` of config.json would be.
    private func rotaryScaling(_ headWidth: Int?, base: Double) throws -> JSONValue {
        let prefix = "\(architecture.rawValue).rope"
        let kind = try file.string("\(prefix).scaling.type")
        let factor = try file.number("\(prefix).scaling.factor") ?? file.number("\(prefix).scale_linear")
        let scaling: JSONValue
        switch (kind, factor) {
        case ("none"?, _), (nil, nil): scaling = .null
        // llama.cpp takes a factor without a kind as linear.
        case ("linear"?, let factor?), (nil, let factor?):
            scaling = factor == 1 ? .null : ["rope_type": "linear", "factor": .number(factor)]
        case (let kind?, _):
            throw GGUFError(
                file.path, "key \(prefix).scaling.type",
                "is \"\(kind)\"\(kind == "linear" ? " without a factor" : ""); none and linear with a factor are implemented, and llama3 in \(Self.rotaryFactorsName)"
            )
        }
        guard let factors = tensors[Self.rotaryFactorsName] else { return scaling }
        guard scaling == .null, let headWidth, let llama3 = llama3(factors, headWidth, base) else {
            throw GGUFError(
                file.path, "tensor \(Self.rotaryFactorsName)",
                "holds factors of the rotary frequencies that aren't those of Llama 3 (low 1, high 4, 8192 positions), which alone are implemented"
            )
        }
        return llama3
    }

    /// The scaling of Llama 3 whose factors a tensor holds; nil for other factors.
    ///
    /// A GGUF file has what each frequency is divided by, not the numbers that it follows from: those are the same in all of
    /// Llama 3.1, 3.2 and 3.3 but for the factor, which is the largest.
    private func llama3(_ tensor: GGUFFile.Tensor, _ headWidth: Int, _ base: Double) -> JSONValue? {
        guard tensor.type == .float32, tensor.shape == [headWidth / 2], headWidth >= 2 else { return nil }
        let bytes = file.bytes(of: tensor)
        let factors = (0..<headWidth / 2).map {
            Double(Float(bitPattern: bytes.loadUnaligned(fromByteOffset: $0 * 4, as: UInt32.self)))
        }
        guard let factor = factors.max(), factor >= 1, factor <= RotaryScaling.limit else { return nil }
        let expected = Self.llama3Factors(factor, headWidth, base: base)
        // A NaN is near nothing.
        guard zip(factors, expected).allSatisfy({ abs($0 - $1) <= 1e-4 * $1 }) else { return nil }
        return [
            "rope_type": "llama3", "factor": .number(factor), "low_freq_factor": 1, "high_freq_factor": 4,
            "original_max_position_embeddings": 8192,
        ]
    }

    /// What Llama 3's scaling divides each rotary frequency by, as `generate_extra_tensors` of llama.cpp's
    /// convert_hf_to_gguf.py computes it.
    static func llama3Factors(_ factor: Double, _ headWidth: Int, base: Double) -> [Double] {
        (0..<headWidth / 2).map { i in
            let wavelength = 2 * Double.pi * Elementary.pow(base, Double(2 * i) / Double(headWidth))
            if wavelength > 8192 { return factor }
            if wavelength < 2048 { return 1 }
            let share = (8192 / wavelength - 1) / 3
            return 1 / ((1 - share) / factor + share)
        }
    }
}
