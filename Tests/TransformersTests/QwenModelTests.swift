import Files
import JSON
import Numerics
import SystemPackage
import TestSupport
import Testing

@testable import Transformers

/// Qwen2, Qwen3 and Llama against what transformers computed.
@Suite struct QwenModelTests {
    @Test(
        "logits of whole sequences agree, causal and with all tokens visible", arguments: RecordedModel.names)
    func logits(name: String) throws {
        let recorded = try RecordedModel(name)
        let model = try Checkpoint.load(recorded.folder)
        #expect(model.configuration.attention == .causal && model.configuration.logitShift)
        for (i, tokens) in try recorded.sequences("logits").enumerated() {
            for (kind, pattern) in [("causal", AttentionPattern.causal), ("bidirectional", .bidirectional)] {
                let found = model.logits([ForwardInput(tokens: tokens, attention: pattern)], Workspace())
                let error = try found.distance(to: recorded.matrix("\(kind)\(i)"))
                #expect(error < 1e-4, "\(kind) \(i): \(error)")
            }
        }
    }

    @Test(
        "a diffusion model made of a causal one predicts each token from all tokens",
        arguments: RecordedModel.names)
    func diffusion(name: String) throws {
        let recorded = try RecordedModel(name)
        let folder = try TemporaryFolder()
        for file in try FileSystem.list(recorded.folder) {
            var bytes = try FileSystem.read(recorded.folder.appending(file))
            if file == "config.json" {
                let text = String(decoding: bytes, as: UTF8.self)
                bytes = Array(
                    text.replacing("\"model_type\": \"", with: "\"model_type\": \"a2d-").utf8)
            }
            try FileSystem.writeAtomically(bytes, to: folder.path.appending(file))
        }
        let model = try Checkpoint.load(folder.path)
        #expect(!model.configuration.logitShift)
        for (i, tokens) in try recorded.sequences("logits").enumerated() {
            let input = ForwardInput(tokens: tokens, attention: model.configuration.attention)
            let found = model.logits([input], Workspace())
            #expect(try found.distance(to: recorded.matrix("bidirectional\(i)")) < 1e-4)
        }
    }

    @Test("a sequence in pieces beside the cache gives the recorded logits", arguments: RecordedModel.names)
    func cached(name: String) throws {
        let recorded = try RecordedModel(name)
        let model = try Checkpoint.load(recorded.folder)
        let tokens = try recorded.sequences("logits")[2]
        let expected = try recorded.matrix("causal2")
        let workspace = Workspace()
        let cache = KeyValueCache(model.configuration, capacity: 3)
        for range in [0..<7, 7..<8, 8..<9, 9..<31, 31..<40] {
            let part = model.logits(
                [
                    ForwardInput(
                        tokens: Array(tokens[range]), firstPosition: range.lowerBound, attention: .causal,
                        cache: cache, cacheUpdate: .append(range.count))
                ], workspace)
            #expect(part.distance(to: expected.slice(rows: range)) < 1e-4)
        }
    }

    @Test(
        "losses and gradients are torch's", arguments: ["qwen2_a", "qwen3_a", "llama_b", "llama_c"],
        ["causal", "bidirectional"])
    func gradients(name: String, kind: String) throws {
        let recorded = try RecordedModel(name)
        let model = try Checkpoint.load(recorded.folder)
        let family = try Checkpoint.family(recorded.folder)
        let tokens = try recorded.sequences("logits")[0]
        let count = tokens.count - 1
        let pass = TrainingPass(model)
        let gradients = FlatParameters(zeros: model.configuration)
        pass.forward([
            ForwardInput(
                tokens: tokens, attention: kind == "causal" ? .causal : .bidirectional,
                logitRows: Array(0..<count))
        ])
        let targets = Array(tokens.dropFirst())
        let losses = pass.rowLosses(targets: targets, temperature: 1)
        let loss = losses.reduce(0.0) { $0 + Double($1.crossEntropy) } / Double(count)
        #expect(try abs(loss - #require(recorded.entry["loss_\(kind)"]?.double)) < 1e-5)
        let dHidden = pass.headBackward(
            targets: targets,
            weights: targets.map { _ in RowLossWeights(crossEntropy: 1 / Float(count)) }, temperature: 1,
            into: gradients)
        pass.backward(dHidden, into: gradients)
        var compared = 0
        for (specification, _) in gradients.specifications {
            let tensor = "gradient_\(kind)." + family.name(of: specification.role)
            guard recorded.tensors.entries[tensor] != nil else { continue }
            let expected = try recorded.matrix(tensor).elements
            let found = gradients.view(of: specification.role).elements
            #expect(found.count == expected.count)
            let difference = zip(found, expected).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
            let norm = expected.reduce(0) { $0 + $1 * $1 }
            #expect((difference / norm).squareRoot() < 1e-4, "\(tensor)")
            compared += 1
        }
        let ofFirstBlock = ["qwen2_a": 12, "qwen3_a": 11, "llama_b": 9, "llama_c": 9]
        #expect(compared == 3 + (ofFirstBlock[name] ?? 0))
    }

    @Test("an adapter of PEFT changes what it should")
    func adapter() throws {
        let recorded = try RecordedModel("qwen3_a")
        let folder = Fixtures.path("transformers/qwen3_a_lora")
        let base = try Checkpoint.load(recorded.folder)
        let adapter = try LoRAAdapter(folder, for: base.configuration, Qwen3Family.self)
        #expect(adapter.pairs.count == 8 && adapter.rank == 3 && adapter.scaling == 2)
        let merged = FlatParameters(copying: base)
        adapter.merge(into: merged)
        let input = [ForwardInput(tokens: try recorded.sequences("logits")[0], attention: .causal)]
        let found = try Transformer(over: merged).logits(input, Workspace())
        let file = try SafetensorsFile(Fixtures.path("transformers/qwen3_a_lora.safetensors"))
        let expected = try file.matrix(
            "logits", shape: [found.rows, found.columns], rows: found.rows, columns: found.columns)
        #expect(found.distance(to: expected) < 1e-4)
        #expect(base.logits(input, Workspace()).distance(to: expected) > 0.1)
        #expect {
            _ = try LoRAAdapter(folder, for: base.configuration, LLaDAFamily.self)
        } throws: {
            "\($0)".contains("fits no weight of the model")
        }
    }

    @Test("a tied head may be stored all the same; an untied one must be there")
    func storedTiedHead() throws {
        let folder = try TemporaryFolder()
        var c = TinyModels.configuration(tied: false, bias: false, headNorm: true, headWidth: 6)
        (c.attention, c.logitShift) = (.causal, true)
        let model = try TinyModels.transformer(c)
        try Checkpoint.save(model, family: Qwen3Family.self, to: folder.path)
        let path = folder.path.appending("config.json")
        let text = try FileSystem.readText(path)
        try FileSystem.writeAtomically(
            text.replacing("\"tie_word_embeddings\": false", with: "\"tie_word_embeddings\": true"), to: path)
        let tied = try Checkpoint.load(folder.path)
        #expect(tied.configuration.tiedHead && tied.parameters.head == nil)
        try Checkpoint.save(tied, family: Qwen3Family.self, to: folder.path)
        try FileSystem.writeAtomically(text, to: path)
        let error = try #require(throws: CheckpointError.self) { try Checkpoint.load(folder.path) }
        #expect("\(error)".contains("tensor lm_head.weight: is missing"))
    }
}
