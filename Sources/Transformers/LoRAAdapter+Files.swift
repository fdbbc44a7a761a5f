internal import Files
internal import JSON
internal import Numerics
public import SystemPackage

extension LoRAAdapter {
    /// Reads an adapter in PEFT's layout: adapter_config.json and adapter_model.safetensors.
    ///
    /// - Throws: ``CheckpointError`` for an option that isn't implemented, a tensor that fits no weight of the model or
    ///   has another shape, half a pair, or an adapter that changes nothing; `FileError`.
    public init(
        _ folder: FilePath, for configuration: TransformerConfiguration, _ family: any ModelFamily.Type
    ) throws {
        let (rank, alpha) = try Self.readOptions(folder.appending(Self.configurationFile))
        let path = folder.appending(Self.weightsFile)
        let file = try SafetensorsFile(path)
        var pairs: [Pair] = []
        var expected: Set<String> = []
        for specification in configuration.parameterSpecifications where !specification.isVector {
            let module = Self.module(of: specification.role, family)
            let (a, b) = (module + ".lora_A.weight", module + ".lora_B.weight")
            guard file.entries[a] != nil || file.entries[b] != nil else { continue }
            expected.formUnion([a, b])
            pairs.append(
                Pair(
                    role: specification.role,
                    a: try file.matrix(
                        a, shape: [rank, specification.columns], rows: rank, columns: specification.columns),
                    b: try file.matrix(
                        b, shape: [specification.rows, rank], rows: specification.rows, columns: rank)))
        }
        if let stranger = file.entries.keys.filter({ !expected.contains($0) }).sorted().first {
            throw CheckpointError(path, tensor: stranger, "fits no weight of the model")
        }
        guard !pairs.isEmpty else {
            throw CheckpointError(path, "holds no tensor, so the adapter changes nothing")
        }
        self.init(rank: rank, alpha: alpha, pairs: pairs)
    }

    private static func readOptions(_ path: FilePath) throws -> (rank: Int, alpha: Double) {
        let document = try JSONDocument(parsing: FileSystem.read(path), name: path.string)
        let options = FamilyOptions(root: document.root)
        do throws(FamilyError) {
            try options.require("peft_type", "LORA")
            try options.require("bias", "none")
            for key in ["use_dora", "use_rslora", "fan_in_fan_out", "lora_bias"] {
                try options.require(key, false)
            }
            for key in ["rank_pattern", "alpha_pattern"] {
                guard let node = document.root[key], !(node.members ?? []).isEmpty else { continue }
                throw FamilyError("\(key) is not implemented", offset: node.range.lowerBound)
            }
            let rank = try options.integer("r")
            guard rank > 0 else { throw FamilyError("r should be at least 1") }
            return (rank, try options.number("lora_alpha", default: Double(rank)))
        } catch {
            let place = error.offset.map { "line \(document.position(of: $0).line): " } ?? ""
            throw CheckpointError(path, place + error.description)
        }
    }

    /// Writes the adapter so that PEFT and ``init(_:for:_:)`` read it.
    public func write(
        to folder: FilePath, _ family: any ModelFamily.Type, type: SafetensorsWriter.FloatType = .float32
    ) throws {
        try FileSystem.createDirectory(folder)
        let tensors = pairs.flatMap { pair -> [SafetensorsWriter.Tensor] in
            let module = Self.module(of: pair.role, family)
            return [
                .init(name: module + ".lora_A.weight", shape: [pair.a.rows, pair.a.columns], values: pair.a),
                .init(name: module + ".lora_B.weight", shape: [pair.b.rows, pair.b.columns], values: pair.b),
            ]
        }
        try SafetensorsWriter.write(tensors, type: type, to: folder.appending(Self.weightsFile))
        let modules = Set(
            pairs.compactMap { Self.module(of: $0.role, family).split(separator: ".").last.map(String.init) })
        let document: JSONValue = [
            "peft_type": "LORA", "task_type": "CAUSAL_LM", "r": .integer(rank), "lora_alpha": .number(alpha),
            "lora_dropout": 0, "bias": "none", "use_dora": false, "use_rslora": false,
            "fan_in_fan_out": false,
            "target_modules": .array(modules.sorted().map { .string($0) }),
        ]
        try FileSystem.writeAtomically(document.prettyBytes(), to: folder.appending(Self.configurationFile))
    }
}
