import Files
import JSON
import Numerics
import SystemPackage
import TestSupport
import Testing

@testable import Transformers

/// Adapters beside the weights, against what PEFT's `merge_and_unload` makes of the same files.
@Suite struct MergedAdapterTests {
    private let golden = Fixtures.path("golden/models")
    private let lora = Fixtures.path("transformers/lora")

    /// A folder with a model and an adapter.
    private func folder(_ model: String, _ adapter: FilePath) throws -> ScratchFolder {
        let scratch = try ScratchFolder()
        for source in [golden.appending(model), adapter] {
            for name in try FileSystem.list(source) {
                try FileSystem.writeAtomically(
                    FileSystem.read(source.appending(name)), to: scratch.path.appending(name))
            }
        }
        return scratch
    }

    @Test(
        "merged weights are PEFT's",
        arguments: [("llada", "llada_a"), ("llada_rslora", "llada_a"), ("dream", "dream_a")])
    func merged(adapter: String, model: String) throws {
        let scratch = try folder(model, lora.appending(adapter))
        let (plain, merged) = (
            try Checkpoint.load(golden.appending(model)), try Checkpoint.load(scratch.path)
        )
        let family = try Checkpoint.family(scratch.path)
        let expected = try SafetensorsFile(lora.appending("\(adapter).safetensors"))
        var changed = 0
        for specification in plain.configuration.parameterSpecifications {
            let name = family.name(of: specification.role)
            let found = merged.parameter(specification.role)
            guard let entry = expected.entries[name] else {
                #expect(found.elements == plain.parameter(specification.role).elements, "\(name)")
                continue
            }
            let matrix = try expected.matrix(
                name, shape: entry.shape, rows: specification.rows, columns: specification.columns)
            let difference = zip(found.elements, matrix.elements).reduce(0) { max($0, abs($1.0 - $1.1)) }
            #expect(difference < 2e-6, "\(name): \(difference)")
            changed += 1
        }
        #expect(changed == expected.entries.count && changed > 0)
    }

    @Test("over weights in bfloat16 the sums are those of PEFT, which rounds them")
    func bfloat16() throws {
        let scratch = try folder("llada_a_bf16", lora.appending("llada_bf16"))
        let merged = try Checkpoint.load(scratch.path)
        let expected = try SafetensorsFile(lora.appending("llada_bf16.safetensors"))
        for specification in merged.configuration.parameterSpecifications {
            let name = LLaDAFamily.name(of: specification.role)
            guard let entry = expected.entries[name] else { continue }
            let matrix = try expected.matrix(
                name, shape: entry.shape, rows: specification.rows, columns: specification.columns)
            let found = merged.parameter(specification.role)
            let worst = zip(found.elements, matrix.elements).reduce(Float(0)) { worst, pair in
                // Half a step of eight bits, and what the sums themselves differ by.
                max(worst, abs(pair.0 - pair.1) - abs(pair.1) / 256)
            }
            #expect(worst < 1e-6, "\(name): \(worst)")
        }
        // The same model with packed layers takes the same sums.
        let packed = try Checkpoint.load(scratch.path, precision: .bfloat16)
        func logits(_ model: Transformer) -> [Float] {
            Array(model.logits([ForwardInput(tokens: [5, 9, 12, 300])], Workspace()).elements)
        }
        let difference = zip(logits(merged), logits(packed)).reduce(Float(0)) { max($0, abs($1.0 - $1.1)) }
        #expect(difference > 0 && difference < 0.2, "\(difference)")
    }

    @Test(
        "options that PEFT has and this doesn't are errors by name",
        arguments: [
            (#""use_dora": true"#, "use_dora"), (#""bias": "all""#, "bias"),
            (#""fan_in_fan_out": true"#, "fan_in_fan_out"),
            (#""rank_pattern": {"q_proj": 2}"#, "rank_pattern"),
            (#""modules_to_save": ["ff_out"]"#, "modules_to_save"), (#""peft_type": "IA3""#, "peft_type"),
            (#""init_lora_weights": "pissa""#, "init_lora_weights"),
            (#""r": 0"#, "r should be a whole number of at least 1; this is 0"),
        ])
    func refused(option: String, words: String) throws {
        let scratch = try folder("llada_a", lora.appending("llada"))
        let rank = option.hasPrefix(#""r""#) ? "" : #", "r": 4"#
        try FileSystem.writeAtomically(
            "{\(option)\(rank), \"lora_alpha\": 8}", to: scratch.path.appending("adapter_config.json"))
        #expect {
            _ = try Checkpoint.load(scratch.path)
        } throws: {
            "\($0)".contains(words) && "\($0)".contains("adapter_config.json")
        }
    }

    /// An adapter's weights under other names, in its own folder beside `llada_a`.
    private func renamed(_ options: String, _ rename: (String) -> String) throws -> ScratchFolder {
        let scratch = try folder("llada_a", lora.appending("llada"))
        let file = try SafetensorsFile(lora.appending("llada").appending("adapter_model.safetensors"))
        let tensors = try file.entries.keys.sorted().map { name -> SafetensorsWriter.Tensor in
            let shape = file.entries[name]?.shape ?? []
            let values = try file.matrix(name, shape: shape, rows: shape[0], columns: shape[1])
            return .init(name: rename(name), shape: shape, values: values)
        }
        try SafetensorsWriter.write(tensors, to: scratch.path.appending("adapter_model.safetensors"))
        try FileSystem.writeAtomically(options, to: scratch.path.appending("adapter_config.json"))
        return scratch
    }

    @Test("the adapter's name in its tensors' names changes nothing, and PEFT's defaults are 8 and 8")
    func namesAndDefaults() throws {
        let plain = try folder("llada_a", lora.appending("llada"))
        let expected = FlatParameters(copying: try Checkpoint.load(plain.path))
        // The recorded adapter has rank 4 and alpha 8, which is PEFT's default.
        let named = try renamed(#"{"peft_type": "LORA", "r": 4}"#) {
            $0.replacing(".weight", with: ".default.weight")
        }
        let read = FlatParameters(copying: try Checkpoint.load(named.path))
        for i in 0..<read.buffer.count { #expect(read.buffer.pointer[i] == expected.buffer.pointer[i]) }
        let rank = try LoRAOptions(named.path)
        #expect(rank.rank == 4 && rank.alpha == 8)
        try FileSystem.writeAtomically("{}", to: named.path.appending("adapter_config.json"))
        let options = try LoRAOptions(named.path)
        #expect(options.rank == 8 && options.alpha == 8)
    }

    @Test("an embedding that PEFT saved with the adapter stands for the model's own")
    func savedEmbedding() throws {
        let scratch = try folder("llada_a", lora.appending("llada"))
        let base = try Checkpoint.load(golden.appending("llada_a"))
        let c = base.configuration
        let own = FlatParameters(copying: base)
        for i in 0..<(c.vocabulary * c.width) { own.buffer.pointer[i] = Float(i % 11) / 8 }
        let file = try SafetensorsFile(lora.appending("llada").appending("adapter_model.safetensors"))
        var tensors = try file.entries.keys.sorted().map { name -> SafetensorsWriter.Tensor in
            let shape = file.entries[name]?.shape ?? []
            return .init(
                name: name, shape: shape,
                values: try file.matrix(name, shape: shape, rows: shape[0], columns: shape[1]))
        }
        tensors.append(
            .init(
                name: "base_model.model." + LLaDAFamily.name(of: .embedding), shape: [c.vocabulary, c.width],
                values: own.buffer.matrix(rows: c.vocabulary, columns: c.width, offset: 0).view))
        try SafetensorsWriter.write(tensors, to: scratch.path.appending("adapter_model.safetensors"))
        let read = try Checkpoint.load(scratch.path).parameter(.embedding)
        for i in [0, 1, 7, c.vocabulary - 1] {
            for j in 0..<c.width { #expect(read[i, j] == Float((i * c.width + j) % 11) / 8) }
        }
        // With a tied head PEFT saves both names, and reads the head's last.
        let config = scratch.path.appending("config.json")
        let document = try JSONDocument(parsing: FileSystem.read(config), name: "config").root
        guard case .object(var members) = JSONValue(document) else {
            Issue.record("the configuration is no object")
            return
        }
        members["weight_tying"] = true
        try FileSystem.writeAtomically(try JSONValue.object(members).prettyBytes(), to: config)
        let head = FlatParameters(copying: base)
        for i in 0..<(c.vocabulary * c.width) { head.buffer.pointer[i] = Float(i % 7) / 8 }
        tensors.append(
            .init(
                name: "base_model.model." + LLaDAFamily.name(of: .head), shape: [c.vocabulary, c.width],
                values: head.buffer.matrix(rows: c.vocabulary, columns: c.width, offset: 0).view))
        try SafetensorsWriter.write(tensors, to: scratch.path.appending("adapter_model.safetensors"))
        let tied = try Checkpoint.load(scratch.path).parameter(.embedding)
        for i in [0, 1, 7, c.vocabulary - 1] {
            for j in 0..<c.width { #expect(tied[i, j] == Float((i * c.width + j) % 7) / 8) }
        }
    }

    @Test func modulesThatTheModelLacksAreTold() throws {
        let configuration = try Checkpoint.configuration(golden.appending("llada_a"))
        let options = try LoRAOptions(lora.appending("llada"))
        #expect(options.rank == 4 && options.alpha == 8 && !options.usesRankRoot)
        #expect(options.unmatched(in: configuration, LLaDAFamily.self) == ["o_proj"])
        #expect(
            options.unmatched(in: configuration, DreamFamily.self) == ["attn_out", "ff_proj"])
        // Tensors that fit nothing are all named.
        let scratch = try folder("dream_a", lora.appending("llada"))
        #expect {
            _ = try Checkpoint.load(scratch.path)
        } throws: {
            "\($0)".contains("attn_out.lora_A.weight") && "\($0)".contains("nor do 15 others: ")
        }
    }
}
