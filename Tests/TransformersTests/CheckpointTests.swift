import Files
import Numerics
import SystemPackage
import TestSupport
import Testing

@testable import Transformers

@Suite struct CheckpointTests {
    private func logits(_ model: Transformer) -> [UInt32] {
        let inputs = [
            ForwardInput(tokens: [1, 2, 3, 10, 10], attention: model.configuration.attention),
            ForwardInput(tokens: [4, 10, 9], attention: model.configuration.attention),
        ]
        return model.logits(inputs, Workspace()).elements.map(\.bitPattern)
    }

    static let configurations: [TransformerConfiguration] = [
        TinyModels.configuration(),
        TinyModels.configuration(tied: true, bias: false),
        TinyModels.configuration(attention: .causal, shift: true),
        TinyModels.configuration(tied: true, shift: true),
        TinyModels.configuration(bias: false, headNorm: true, headWidth: 6),
    ]

    @Test(
        "a saved model loads with the same configuration and the same logits, in one file or many",
        arguments: configurations, [5_000_000_000, 700, 1])
    func roundTrip(configuration: TransformerConfiguration, maximumShard: Int) throws {
        let folder = try TemporaryFolder()
        let model = try TinyModels.transformer(configuration)
        try Checkpoint.save(model, to: folder.path, maximumShard: maximumShard)
        let files = try FileSystem.list(folder.path).filter { $0.hasSuffix(".safetensors") }
        #expect(files.count == 1 || maximumShard < 1000)
        if maximumShard == 1 { #expect(files.count == configuration.parameterSpecifications.count) }
        let loaded = try Checkpoint.load(folder.path)
        #expect(loaded.configuration == configuration)
        #expect(logits(loaded) == logits(model))
        #expect(try Checkpoint.configuration(folder.path) == configuration)
    }

    @Test("saving again in the other layout doesn't leave the old model to be loaded")
    func superseding() throws {
        let folder = try TemporaryFolder()
        let c = TinyModels.configuration()
        for (seed, maximumShard) in [(1, 700), (2, 1 << 30), (3, 700)] {
            let model = try TinyModels.transformer(c, seed: UInt64(seed))
            try Checkpoint.save(model, to: folder.path, maximumShard: maximumShard)
            #expect(try logits(Checkpoint.load(folder.path)) == logits(model))
        }
    }

    @Test("bfloat16 weights load as the rounded ones")
    func bfloat16() throws {
        let folder = try TemporaryFolder()
        let model = try TinyModels.transformer(TinyModels.configuration())
        try Checkpoint.save(model, to: folder.path, type: .bfloat16)
        let loaded = try Checkpoint.load(folder.path)
        for specification in model.configuration.parameterSpecifications {
            let original = model.parameter(specification.role).elements
            var bits = [UInt16](repeating: 0, count: original.count)
            original.withUnsafeBufferPointer { BFloat16.round($0, into: &bits) }
            let rounded = bits.map { Float(bitPattern: UInt32($0) << 16) }
            #expect(loaded.parameter(specification.role).elements == rounded)
        }
    }

    @Test("32-bit weights are used where the file is mapped, and outlive the file's name")
    func mapped() throws {
        let model: Transformer
        let expected: [UInt32]
        do {
            let folder = try TemporaryFolder()
            let original = try TinyModels.transformer(TinyModels.configuration())
            expected = logits(original)
            try Checkpoint.save(original, to: folder.path)
            model = try Checkpoint.load(folder.path)
        }
        for specification in model.configuration.parameterSpecifications {
            let weight = model.parameter(specification.role)
            let file = try #require(weight.owner as? MappedFile)
            #expect(!FileSystem.exists(file.path))
            let start = UnsafeRawPointer(weight.pointer) - (try #require(file.bytes.baseAddress))
            #expect(start > 0 && start + specification.count * 4 <= file.bytes.count)
        }
        #expect(logits(model) == expected)
    }

    @Test("recorded checkpoints load", arguments: ["llada_a", "llada_a_bf16", "llada_b"])
    func recorded(name: String) throws {
        let model = try Checkpoint.load(Fixtures.path("golden/models/\(name)"))
        #expect(model.configuration.layers > 0)
    }

    // MARK: What is wrong with the weights

    @Test("a tensor of another shape, a missing and an unexpected one are named")
    func tensors() throws {
        let folder = try TemporaryFolder()
        let c = TinyModels.configuration()
        let model = try TinyModels.transformer(c)
        try Checkpoint.save(model, to: folder.path)
        let path = folder.path.appending("model.safetensors")
        func tensors() -> [SafetensorsWriter.Tensor] {
            c.parameterSpecifications.map {
                .init(
                    name: LLaDAFamily.name(of: $0.role),
                    shape: $0.isVector ? [$0.columns] : [$0.rows, $0.columns],
                    values: model.parameter($0.role))
            }
        }
        func failure(_ change: (inout [SafetensorsWriter.Tensor]) -> Void) throws -> String {
            var changed = tensors()
            change(&changed)
            try SafetensorsWriter.write(changed, to: path)
            return "\(try #require(throws: CheckpointError.self) { try Checkpoint.load(folder.path) })"
        }
        let name = "model.transformer.blocks.1.q_proj.weight"
        let index = try #require(tensors().firstIndex { $0.name == name })
        let missing = try failure { $0.remove(at: index) }
        #expect(missing.contains("model.safetensors: tensor \(name): is missing"))
        let shape = try failure { $0[index] = .init(name: name, shape: [4, 16], values: $0[index].values) }
        #expect(shape.contains("tensor \(name): expected shape [8, 8], found [4, 16]"))
        // What would be a part of the model, if config.json said another thing.
        for name in [
            "model.transformer.blocks.7.q_proj.weight", "model.transformer.blocks.0.attn_out.bias",
            "model.transformer.blocks.1.attn_norm.bias", "model.transformer.ln_f.bias",
        ] {
            let stranger = try failure { $0.append(.init(name: name, shape: [8], values: $0[1].values)) }
            #expect(stranger.contains("tensor \(name): has no place in the model"), "\(stranger)")
        }
    }

    @Test("tensors that are no part of a model are passed over, and told")
    func passedOver() throws {
        let folder = try TemporaryFolder()
        let c = TinyModels.configuration()
        let model = try TinyModels.transformer(c)
        try Checkpoint.save(model, to: folder.path)
        #expect(try Checkpoint.remarks(folder.path).isEmpty)
        let path = folder.path.appending("model.safetensors")
        var tensors: [SafetensorsWriter.Tensor] = c.parameterSpecifications.map {
            .init(
                name: LLaDAFamily.name(of: $0.role),
                shape: $0.isVector ? [$0.columns] : [$0.rows, $0.columns],
                values: model.parameter($0.role))
        }
        let whole = FlatParameters(copying: try Checkpoint.load(folder.path))
        for name in [
            "mtp.fc.weight", "v_head.weight", "model.transformer.blocks.0.rotary_emb.inv_freq",
            "model.transformer.blocks.x.q_proj.weight",
        ] { tensors.append(.init(name: name, shape: [8], values: tensors[1].values)) }
        try SafetensorsWriter.write(tensors, to: path)
        let read = FlatParameters(copying: try Checkpoint.load(folder.path))
        for i in 0..<whole.buffer.count { #expect(read.buffer.pointer[i] == whole.buffer.pointer[i]) }
        let remarks = try Checkpoint.remarks(folder.path)
        #expect(remarks.count == 1 && remarks[0].contains("3 tensors (model.transformer.blocks.x"))
    }

    @Test("a single file beside an index of other shards is read, as transformers does, and told")
    func both() throws {
        let folder = try TemporaryFolder()
        let c = TinyModels.configuration()
        try Checkpoint.save(try TinyModels.transformer(c), to: folder.path, maximumShard: 700)
        let shards = try FileSystem.list(folder.path).filter { $0.hasPrefix("model-") }
        #expect(shards.count > 1)
        let index = try FileSystem.read(folder.path.appending("model.safetensors.index.json"))
        // Another model over it, as a merged one is saved.
        let other = FlatParameters(zeros: c)
        for i in 0..<other.buffer.count { other.buffer.pointer[i] = Float(i % 7) }
        try Checkpoint.save(Transformer(over: other), to: folder.path)
        try FileSystem.writeAtomically(index, to: folder.path.appending("model.safetensors.index.json"))
        let read = FlatParameters(copying: try Checkpoint.load(folder.path))
        for i in 0..<read.buffer.count { #expect(read.buffer.pointer[i] == Float(i % 7)) }
        #expect(try Checkpoint.remarks(folder.path).first?.contains("the single file is read") == true)
    }

    @Test("shards: a missing file, a missing entry and an entry that leads out of the folder are named")
    func shards() throws {
        let folder = try TemporaryFolder()
        try Checkpoint.save(
            try TinyModels.transformer(TinyModels.configuration()), to: folder.path, maximumShard: 700)
        let index = folder.path.appending("model.safetensors.index.json")
        let text = try FileSystem.readText(index)
        func failure() throws -> String {
            "\(try #require(throws: CheckpointError.self) { try Checkpoint.load(folder.path) })"
        }
        func replacing(_ old: String, by new: String) throws {
            let parts = text.split(separator: old, maxSplits: 1, omittingEmptySubsequences: false)
            try FileSystem.writeAtomically(parts.joined(separator: new), to: index)
        }
        let files = try FileSystem.list(folder.path).filter { $0.hasSuffix(".safetensors") }
        let first = try #require(files.first)
        for bad in [
            "../\(first)", "/etc/passwd", "a/\(first)", "..", "", ".", "\\u0000", "x\\u0000/../../y", "./..",
        ] {
            try replacing("\"\(first)\"", by: "\"\(bad)\"")
            let message = try failure()
            #expect(
                message.contains("model.transformer.wte.weight: is not mapped to a file name"),
                "\(bad): \(message)")
        }
        try replacing("\"\(first)\"", by: "7")
        #expect(try failure().contains("is not mapped to a file name in this folder"))
        try replacing("\"model.transformer.wte.weight\"", by: "\"other\"")
        #expect(try failure().contains("tensor model.transformer.wte.weight: is missing from the weight_map"))
        try replacing("\"weight_map\"", by: "\"map\"")
        #expect(try failure().contains("index.json: has no weight_map"))
        try FileSystem.writeAtomically(text, to: index)
        try FileSystem.remove(folder.path.appending(first))
        #expect(
            try failure().contains("tensor model.transformer.wte.weight: lies in \(first), which is missing"))
    }

    @Test("a folder without weights says what it should hold")
    func empty() throws {
        let folder = try TemporaryFolder()
        #expect(throws: FileError.self) { try Checkpoint.load(folder.path) }
        try Checkpoint.save(try TinyModels.transformer(TinyModels.configuration()), to: folder.path)
        try FileSystem.remove(folder.path.appending("model.safetensors"))
        let error = try #require(throws: CheckpointError.self) { try Checkpoint.load(folder.path) }
        #expect("\(error)".contains("has neither model.safetensors nor model.safetensors.index.json"))
    }
}
