internal import Base
internal import Files
internal import JSON
internal import Numerics
public import SystemPackage

extension LoRAAdapter {
    /// Reads an adapter in PEFT's layout: adapter_config.json and adapter_model.safetensors.
    ///
    /// Names of modules that the configuration lists and the model lacks are passed over, as PEFT does: lists are written
    /// for several architectures. ``LoRAOptions/unmatched(in:_:)`` tells them.
    /// - Throws: ``CheckpointError`` for an option that isn't implemented, tensors that fit no weight of the model or
    ///   have another shape, half a pair, or an adapter that changes nothing; `FileError`.
    public init(
        _ folder: FilePath, for configuration: TransformerConfiguration, _ family: any ModelFamily.Type
    ) throws {
        let options = try LoRAOptions(folder)
        let rank = options.rank
        let path = folder.appending(Self.weightsFile)
        let file = try SafetensorsFile(path)
        var pairs: [Pair] = []
        var expected: Set<String> = []
        for specification in configuration.parameterSpecifications where !specification.isVector {
            let module = Self.module(of: specification.role, family)
            // Some tools save the adapter's name too, which is "default" unless it was given another.
            let named = file.entries[module + ".lora_A.default.weight"] != nil ? ".default" : ""
            let (a, b) = (module + ".lora_A\(named).weight", module + ".lora_B\(named).weight")
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
        expected.formUnion(Self.replacements(in: file, configuration, family).values)
        let strangers = file.entries.keys.filter { !expected.contains($0) }.sorted()
        if let first = strangers.first {
            let others = strangers.count == 1 ? "" : "; nor do \(strangers.count - 1) others: "
            throw CheckpointError(
                path, tensor: first,
                "fits no weight of the model" + others
                    + strangers.dropFirst().prefix(7).joined(separator: ", ")
                    + (strangers.count > 8 ? " and so on" : ""))
        }
        guard !pairs.isEmpty else {
            throw CheckpointError(path, "holds no tensor, so the adapter changes nothing")
        }
        self.init(rank: rank, alpha: options.alpha, usesRankRoot: options.usesRankRoot, pairs: pairs)
    }

    /// The tensors of a file that stand for a weight of the model as a whole: embeddings that PEFT saved with the adapter.
    static func replacements(
        in file: SafetensorsFile, _ configuration: TransformerConfiguration, _ family: any ModelFamily.Type
    ) -> [ParameterRole: String] {
        var found: [ParameterRole: String] = [:]
        let roles = configuration.parameterSpecifications.map(\.role).filter {
            $0 == .embedding || $0 == .head
        }
        for role in roles where file.entries[prefix + family.name(of: role)] != nil {
            found[role] = prefix + family.name(of: role)
        }
        return found
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
        // PEFT looks for modules whose names end so: where the head or the embedding has such a name too, it's the whole one.
        func path(_ role: ParameterRole) -> String {
            let module = Self.module(of: role, family)
            return module.byteText.dropping(prefix: Self.prefix.byteText)?.text ?? module
        }
        func last(_ path: String) -> String { path.byteText.split(".").last?.text ?? path }
        let others = Set([ParameterRole.head, .embedding].map { last(path($0)) })
        let modules = Set(pairs.map { path($0.role) }.map { others.contains(last($0)) ? $0 : last($0) })
        let document: JSONValue = [
            "peft_type": "LORA", "task_type": "CAUSAL_LM", "r": .integer(rank), "lora_alpha": .number(alpha),
            "lora_dropout": 0, "bias": "none", "use_dora": false, "use_rslora": .bool(usesRankRoot),
            "fan_in_fan_out": false,
            "target_modules": .array(modules.sorted().map { .string($0) }),
        ]
        try FileSystem.writeAtomically(document.prettyBytes(), to: folder.appending(Self.configurationFile))
    }
}
