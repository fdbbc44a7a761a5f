import Files
import JSON
import Numerics
import SystemPackage
import Transformers

/// A checkpoint with the shapes of LLaDA-8B and random weights, for measuring what loading one takes.
enum BigCheckpoint {
    /// Writes config.json and one safetensors file of bfloat16.
    static func generate(_ path: String, layers: Int) throws -> JSONValue {
        let folder = FilePath(path)
        try FileSystem.createDirectory(folder)
        let c = RandomModel.configuration(layers: layers)
        try FileSystem.writeAtomically(
            try JSONValue.object(config(c)).prettyBytes(), to: folder.appending("config.json"))
        var header = JSONObject([])
        var offset = 0
        for specification in c.parameterSpecifications {
            let shape: JSONValue =
                specification.isVector
                ? [.integer(specification.columns)]
                : [.integer(specification.rows), .integer(specification.columns)]
            header[LLaDAFamily.name(of: specification.role)] = [
                "dtype": "BF16", "shape": shape,
                "data_offsets": [.integer(offset), .integer(offset + specification.count * 2)],
            ]
            offset += specification.count * 2
        }
        var bytes = try JSONValue.object(header).compactBytes()
        bytes += [UInt8](repeating: 0x20, count: (8 - bytes.count % 8) % 8)
        let halves = RandomHalves(count: c.vocabulary * c.width)
        let file = try FileDescriptor.open(
            folder.appending("model.safetensors"), .writeOnly, options: [.create, .truncate],
            permissions: .ownerReadWrite)
        defer { try? file.close() }
        var length = UInt64(bytes.count).littleEndian
        try withUnsafeBytes(of: &length) { _ = try file.writeAll($0) }
        try file.writeAll(bytes)
        for specification in c.parameterSpecifications {
            try file.writeAll(
                UnsafeRawBufferPointer(start: halves.pointer, count: specification.count * 2))
        }
        return ["bytes": .integer(offset), "parameters": .integer(c.parameterCount)]
    }

    private static func config(_ c: TransformerConfiguration) -> JSONObject {
        [
            "architectures": ["LLaDAModelLM"], "model_type": "llada", "block_type": "llama",
            "activation_type": "silu", "layer_norm_type": "rms", "d_model": .integer(c.width),
            "n_layers": .integer(c.layers), "n_heads": .integer(c.heads), "n_kv_heads": .integer(c.heads),
            "mlp_hidden_size": .integer(c.feedForwardWidth), "vocab_size": .integer(c.vocabulary),
            "embedding_size": .integer(c.vocabulary), "max_sequence_length": 4096, "rms_norm_eps": 1e-5,
            "rope": true, "rope_theta": 500_000, "weight_tying": false, "include_bias": false,
            "include_qkv_bias": false, "mask_token_id": 126_336, "eos_token_id": 126_081,
            "torch_dtype": "bfloat16",
        ]
    }

    /// Loads it and decodes one step; says seconds and the largest resident size.
    static func load(_ path: String, precision: String) throws -> JSONValue {
        guard let precision = WeightPrecision(rawValue: precision) else { return .null }
        var model: Transformer?
        let loading = try Timing.once {
            model = try Checkpoint.load(FilePath(path), precision: precision)
        }
        guard let model else { return .null }
        let workspace = Workspace(threads: Threads.available)
        let input = ForwardInput(tokens: (0..<64).map { Int32($0 * 1009) })
        let first = Timing.once { _ = model.logits([input], workspace) }
        let second = Timing.once { _ = model.logits([input], workspace) }
        return [
            "load": .number(loading), "firstForward": .number(first), "secondForward": .number(second),
            "peakBytes": .integer(peak()),
        ]
    }

    private static func peak() -> Int {
        let text = (try? FileSystem.readText("/proc/self/status")) ?? ""
        let line = text.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
        let words = line?.split { $0 == " " || $0 == "\t" } ?? []
        return (words.dropFirst().first.flatMap { Int($0) } ?? 0) * 1024
    }
}
