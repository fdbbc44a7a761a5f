import Files
import JSON
import Numerics
import SystemPackage
import TestSupport
import Testing

@testable import Transformers

/// config.json of Qwen2, Qwen3 and the diffusion models made of them.
@Suite struct QwenFamilyTests {
    /// A recorded configuration file with lines changed, in a folder of its own.
    private func read(_ name: String, _ changes: [(String, String)] = []) throws -> TransformerConfiguration {
        var text = try FileSystem.readText(Fixtures.path("transformers/\(name)/config.json"))
        for (found, put) in changes {
            #expect(text.contains(found))
            text = text.replacing(found, with: put)
        }
        let folder = try TemporaryFolder()
        try FileSystem.writeAtomically(text, to: folder.path.appending("config.json"))
        return try Checkpoint.configuration(folder.path)
    }

    private func problem(_ name: String, _ changes: [(String, String)]) throws -> String {
        "\(try #require(throws: CheckpointError.self) { try read(name, changes) })"
    }

    @Test("the options of the files that transformers writes are read")
    func reading() throws {
        let two = try read("qwen2_a")
        #expect(two.layers == 2 && two.width == 32 && two.heads == 4 && two.keyValueHeads == 2)
        #expect(two.headWidth == 8 && two.feedForwardWidth == 48 && two.vocabulary == 96)
        #expect(two.ropeTheta == 1_000_000 && two.normEpsilon == 1e-6 && two.maximumPositions == 256)
        #expect(two.queryKeyValueBias && !two.queryKeyNorm && !two.tiedHead && two.endToken == 95)
        let three = try read("qwen3_b")
        #expect(three.headWidth == 16 && three.queryWidth == 32 && three.width == 24 && three.tiedHead)
        #expect(!three.queryKeyValueBias && three.queryKeyNorm && three.attention == .causal)
    }

    @Test("the rotary base may lie in transformers 5's rope_parameters")
    func ropeParameters() throws {
        let line = "\"rope_scaling\": null,\n  \"rope_theta\": 10000.0,"
        let put = "\"rope_parameters\": {\"rope_type\": \"default\", \"rope_theta\": 5000000},"
        #expect(try read("qwen3_b", [(line, put)]).ropeTheta == 5_000_000)
    }

    @Test("a diffusion model made of Qwen sees all tokens; config.json says whether its logits are shifted")
    func diffusion() throws {
        for (name, type) in [("qwen2_b", "qwen2"), ("qwen3_b", "qwen3")] {
            let change = ("\"model_type\": \"\(type)\"", "\"model_type\": \"a2d-\(type)\"")
            let plain = try read(name, [change])
            #expect(plain.attention == .bidirectional && !plain.logitShift && plain.maskToken == nil)
            let shifted = try read(
                name,
                [
                    change,
                    ("\"vocab_size\"", "\"right_shift_logits\": true, \"mask_token_id\": 78, \"vocab_size\""),
                ])
            #expect(shifted.logitShift && shifted.maskToken == 78)
        }
    }

    @Test("head_dim: absent as transformers has it, null for width over heads")
    func headWidth() throws {
        #expect(try read("qwen3_b", [("  \"head_dim\": 16,\n", "")]).headWidth == 128)
        #expect(try read("qwen3_b", [("\"head_dim\": 16", "\"head_dim\": null")]).headWidth == 12)
        // Given, it has nothing to do with the other widths.
        let own = try read("qwen3_b", [("\"hidden_size\": 24", "\"hidden_size\": 25")])
        #expect(own.width == 25 && own.heads == 2 && own.headWidth == 16)
        #expect(
            try problem("qwen2_a", [("\"hidden_size\": 32", "\"hidden_size\": 30")]).contains(
                "hidden_size 30 is no multiple of num_attention_heads 4, and head_dim isn't given"))
    }

    @Test(
        "what is not implemented is refused by name and line",
        arguments: [
            (
                "qwen2_a", "\"hidden_act\": \"silu\"", "\"hidden_act\": \"gelu\"",
                "line 7: hidden_act is \"gelu\""
            ),
            (
                "qwen3_a", "\"full_attention\",", "\"sliding_attention\",",
                "line 14: layer_types has \"sliding_attention\"; only \"full_attention\" is implemented"
            ),
            (
                "qwen2_a", "\"rope_scaling\": null",
                "\"rope_scaling\": {\"type\": \"yarn\", \"factor\": 4.0}",
                "rope_scaling of type \"yarn\" is not implemented; only \"default\""
            ),
            (
                "qwen2_a", "\"rope_scaling\": null",
                "\"rope_scaling\": {\"type\": \"linear\", \"factor\": 2.0}",
                "rope_scaling.factor 2.0 is not implemented; only 1, which scales nothing, is"
            ),
            (
                "qwen3_a", "\"rope_scaling\": null", "\"rope_parameters\": {\"full_attention\": {}}",
                "rope_parameters.full_attention is not implemented"
            ),
            (
                "qwen3_a", "\"rope_scaling\": null", "\"rope_scaling\": 2",
                "rope_scaling should be an object or null; this is 2"
            ),
            (
                "qwen3_a", "\"attention_bias\": false", "\"attention_bias\": true",
                "line 5: attention_bias other than false is not implemented"
            ),
            (
                "qwen2_a", "\"hidden_act\"", "\"attention_bias\": false, \"hidden_act\"",
                "attention_bias other than true is not implemented"
            ),
            (
                "qwen3_a", "  \"intermediate_size\": 40,\n", "",
                "config.json: line 1: the configuration lacks the key \"intermediate_size\", a whole number"
            ),
            ("qwen3_a", "\"head_dim\": 10", "\"head_dim\": 9", "the head width 9 is odd"),
            (
                "qwen3_a", "\"eos_token_id\": 95", "\"eos_token_id\": [95, \"a\"]",
                "should be a token id"
            ),
        ])
    func refused(name: String, found: String, put: String, expected: String) throws {
        let message = try problem(name, [(found, put)])
        #expect(message.contains(expected), "\(message)")
    }

    @Test("windows that never slide and scaling by 1 change nothing; others are refused")
    func inert() throws {
        func read(_ window: String, _ flag: Bool, _ layers: Int) throws -> TransformerConfiguration {
            let text = try FileSystem.readText(Fixtures.path("transformers/qwen2_a/config.json"))
                .replacing("\"sliding_window\": null", with: "\"sliding_window\": \(window)")
                .replacing("\"use_sliding_window\": false", with: "\"use_sliding_window\": \(flag)")
                .replacing("\"max_window_layers\": 28", with: "\"max_window_layers\": \(layers)")
                // What it names each layer's attention counts before the number.
                .replacing("\"layer_types\"", with: "\"no_layer_types\"")
            return try Qwen2Family.configuration(
                JSONDocument(parsing: Array(text.utf8), name: "config.json").root)
        }
        let plain = try read("null", false, 28)
        for (window, flag, layers) in [
            ("4", true, 28), ("4", true, plain.layers), ("null", true, 0), ("4", false, 0),
            ("\(plain.maximumPositions)", true, 0),
        ] { #expect(try read(window, flag, layers) == plain, "\(window), \(flag), \(layers)") }
        #expect {
            _ = try read("4", true, 1)
        } throws: { "\($0)".contains("use_sliding_window is true and layers from 1 on attend to 4 of") }
        for scaling in [
            #"{"type": "linear", "factor": 1.0}"#, #"{"rope_type": "default", "factor": 4}"#,
            #"{"rope_type": "linear", "factor": 1, "original_max_position_embeddings": 64}"#,
        ] {
            let text = try FileSystem.readText(Fixtures.path("transformers/qwen2_a/config.json"))
                .replacing("\"rope_scaling\": null", with: "\"rope_scaling\": \(scaling)")
            let read = try Qwen2Family.configuration(
                JSONDocument(parsing: Array(text.utf8), name: "config.json").root)
            #expect(read == plain, "\(scaling)")
        }
    }

    static let families: [any ModelFamily.Type] = ModelFamilies.all

    @Test("a model survives being written and read in every family that can say what it is")
    func roundTrip() throws {
        let folder = try TemporaryFolder()
        var written: [String: Int] = [:]
        for headNorm in [false, true] {
            for bias in [false, true] {
                for headWidth in [4, 6] {
                    for (attention, shift) in [
                        (AttentionPattern.causal, true), (.bidirectional, true), (.bidirectional, false),
                        (.blockCausal(promptLength: 0, blockLength: 2), true),
                        (.blockCausal(promptLength: 0, blockLength: 3), false),
                    ] {
                        let c = TinyModels.configuration(
                            tied: bias, bias: bias, attention: attention, shift: shift, headNorm: headNorm,
                            headWidth: headWidth)
                        let model = try TinyModels.transformer(c)
                        for family in Self.families {
                            do {
                                try Checkpoint.save(model, family: family, to: folder.path)
                            } catch let error as CheckpointError {
                                #expect("\(error)".contains("has no way to say"), "\(error)")
                                continue
                            }
                            written[family.modelTypes[0], default: 0] += 1
                            #expect(try Checkpoint.family(folder.path) == family)
                            let read = try Checkpoint.load(folder.path)
                            #expect(read.configuration == c)
                            let input = [ForwardInput(tokens: [1, 2, 3], attention: attention)]
                            #expect(
                                read.logits(input, Workspace()).elements
                                    == model.logits(input, Workspace()).elements)
                        }
                    }
                }
            }
        }
        // Of 40: all that don't attend by blocks; one; two head widths; two; two; four (shifted or not); four; four; two; two.
        #expect(
            written == [
                "llada": 24, "Dream": 1, "qwen2": 2, "qwen3": 2, "llama": 2, "a2d-qwen2": 4, "a2d-qwen3": 4,
                "a2d-llama": 4, "Fast_dLLM_Qwen": 2, "sdar": 2,
            ])
    }

    @Test("a model that the family can't describe is not written")
    func notWritten() throws {
        let folder = try TemporaryFolder()
        let model = try TinyModels.transformer(TinyModels.configuration(bias: true, headNorm: true))
        let target = folder.path.appending("model")
        let error = try #require(throws: CheckpointError.self) {
            try Checkpoint.save(model, family: DreamFamily.self, to: target)
        }
        #expect("\(error)".contains("a model of type Dream can't be written"))
        #expect("\(error)".contains("query and key norms true (it would be read as false)"))
        #expect(!FileSystem.exists(target))
    }
}
