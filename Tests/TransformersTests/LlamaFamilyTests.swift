import Files
import JSON
import Numerics
import SystemPackage
import TestSupport
import Testing

@testable import Transformers

/// config.json of Llama and of the diffusion models made of it.
@Suite struct LlamaFamilyTests {
    /// A recorded configuration file with lines changed, in a folder of its own.
    private func read(_ name: String, _ changes: [(String, String)] = []) throws -> TransformerConfiguration {
        var text = try FileSystem.readText(Fixtures.path("transformers/\(name)/config.json"))
        for (found, put) in changes {
            #expect(text.contains(found), "\(found)")
            text = text.replacing(found, with: put)
        }
        let folder = try TemporaryFolder()
        try FileSystem.writeAtomically(text, to: folder.path.appending("config.json"))
        return try Checkpoint.configuration(folder.path)
    }

    private func problem(_ name: String, _ changes: [(String, String)]) throws -> String {
        "\(try #require(throws: CheckpointError.self) { try read(name, changes) })"
    }

    /// What the recorded llama_b is scaled by.
    static let scaling = RotaryScaling.llama3(factor: 8, low: 1, high: 4, originalPositions: 32)

    @Test("the options of the files that transformers writes are read")
    func reading() throws {
        let plain = try read("llama_a")
        #expect(plain.layers == 2 && plain.width == 24 && plain.heads == 3 && plain.keyValueHeads == 1)
        #expect(plain.headWidth == 8 && plain.feedForwardWidth == 40 && plain.vocabulary == 80)
        #expect(plain.tiedHead && plain.ropeTheta == 100_000 && plain.ropeScaling == .unscaled)
        #expect(plain.attention == .causal && plain.logitShift && plain.endToken == 79)
        #expect(!plain.queryKeyValueBias && !plain.queryKeyNorm && plain.normEpsilon == 1e-5)
        let scaled = try read("llama_b")
        #expect(scaled.headWidth == 12 && scaled.queryWidth == 48 && scaled.width == 32 && !scaled.tiedHead)
        #expect(scaled.ropeScaling == Self.scaling && scaled.ropeTheta == 500_000)
        #expect(scaled.endToken == 95 && scaled.furtherEndTokens == [94])
        let linear = try read("llama_c")
        #expect(linear.ropeScaling == .linear(factor: 2.5) && linear.endToken == nil)
    }

    @Test("what is absent is as transformers has it")
    func defaults() throws {
        let minimal = """
            {"model_type": "llama", "hidden_size": 24, "num_hidden_layers": 1, "num_attention_heads": 3,
             "intermediate_size": 40, "vocab_size": 80}
            """
        let c = try LlamaFamily.configuration(JSONDocument(parsing: Array(minimal.utf8), name: "c").root)
        #expect(c.keyValueHeads == 3 && c.headWidth == 8 && c.normEpsilon == 1e-6 && c.ropeTheta == 10_000)
        #expect(!c.tiedHead && c.maximumPositions == 2048 && c.ropeScaling == .unscaled)
        // LlamaConfig's own default; null is no token.
        #expect(c.endToken == 2)
        #expect(try read("llama_a", [("\"eos_token_id\": 79", "\"eos_token_id\": null")]).endToken == nil)
        #expect(try read("llama_b", [("\"head_dim\": 12", "\"head_dim\": null")]).headWidth == 8)
    }

    /// Lines of llama_b's file, which end before a comma.
    static let scalingLines = """
        "rope_scaling": {
            "factor": 8.0,
            "high_freq_factor": 4.0,
            "low_freq_factor": 1.0,
            "original_max_position_embeddings": 32,
            "rope_type": "llama3"
          },
          "rope_theta": 500000.0
        """

    @Test("base and scaling may lie in transformers 5's rope_parameters, and the kind under its older name")
    func ropeParameters() throws {
        let five = Self.scalingLines.replacing("rope_scaling", with: "rope_parameters")
            .replacing("\n  },\n  \"rope_theta\": 500000.0", with: ",\n    \"rope_theta\": 500000.0\n  }")
        let plain = try read("llama_b")
        #expect(try read("llama_b", [(Self.scalingLines, five)]) == plain)
        #expect(try read("llama_b", [("\"rope_type\"", "\"type\"")]) == plain)
        #expect(try read("llama_b", [("\"rope_type\"", "\"type\": \"llama3\", \"rope_type\"")]) == plain)
        // Both, where they say the same.
        #expect(
            try read("llama_b", [(Self.scalingLines, "\(Self.scalingLines),\n  \(five)")]) == plain)
        for inert in [
            "null", "{}", #"{"rope_type": "default"}"#, #"{"rope_type": "default", "factor": 8.0}"#,
            #"{"type": "linear", "factor": 1.0}"#, #"{"rope_type": "default", "rope_theta": 7.0}"#,
        ] {
            let line = "\"rope_scaling\": \(inert), \"rope_theta\": 500000.0"
            let c = try read("llama_b", [(Self.scalingLines, line)])
            #expect(c.ropeScaling == .unscaled && c.ropeTheta == 500_000, "\(inert)")
        }
    }

    @Test(
        "what is not implemented is refused by name and line",
        arguments: [
            (
                "\"rope_type\": \"llama3\"", "\"rope_type\": \"yarn\"",
                "line 31: rope_scaling of type \"yarn\" is not implemented; only \"default\", \"linear\" and \"llama3\" are"
            ),
            ("\"rope_type\": \"llama3\"", "\"rope_type\": \"dynamic\"", "rope_scaling of type \"dynamic\""),
            ("\"rope_type\": \"llama3\"", "\"rope_type\": 3", "rope_scaling of type 3 is not implemented"),
            (
                "\"rope_type\": \"llama3\"", "\"rope_type\": \"llama3\", \"type\": \"linear\"",
                "line 31: rope_scaling has a rope_type and another type"
            ),
            (
                "\"rope_type\": \"llama3\"", "\"rope_type\": \"llama3\", \"attention_factor\": 2.0",
                "rope_scaling.attention_factor is not implemented for rotary positions of type \"llama3\""
            ),
            (
                "\"rope_type\": \"llama3\"", "\"rope_type\": \"linear\"",
                "line 28: rope_scaling.high_freq_factor is not implemented for rotary positions of type \"linear\""
            ),
            (
                "\"factor\": 8.0", "\"factor\": 0.5",
                "line 27: rope_scaling.factor should be a number from 1 to"
            ),
            ("    \"factor\": 8.0,\n", "", "rope_scaling lacks the key \"factor\", a number from 1 to"),
            (
                "\"low_freq_factor\": 1.0", "\"low_freq_factor\": 4.0",
                "line 28: the rotary scaling can't lie between 4.0 and 4.0 turns"
            ),
            (
                "\"original_max_position_embeddings\": 32", "\"original_max_position_embeddings\": 0",
                "line 30: rope_scaling.original_max_position_embeddings should be a whole number from 1 to"
            ),
            (
                "\"rope_theta\": 500000.0",
                "\"rope_theta\": 500000.0, \"rope_parameters\": {\"rope_type\": \"default\"}",
                "line 26: rope_scaling and rope_parameters differ"
            ),
            (
                "\"attention_bias\": false", "\"attention_bias\": true",
                "line 5: attention_bias is true, which puts a bias on the attention's output too; only false is implemented"
            ),
            (
                "\"attention_bias\": false", "\"attention_bias\": 1",
                "attention_bias should be true or false; this is 1"
            ),
            (
                "\"mlp_bias\": false", "\"mlp_bias\": true",
                "line 19: mlp_bias other than false is not implemented"
            ),
            (
                "\"pretraining_tp\": 1", "\"pretraining_tp\": 2",
                "line 24: pretraining_tp other than 1 is not implemented"
            ),
            (
                "\"hidden_act\": \"silu\"", "\"hidden_act\": \"gelu\"",
                "line 14: hidden_act is \"gelu\"; only \"silu\" is implemented"
            ),
            (
                "\"pretraining_tp\": 1", "\"partial_rotary_factor\": 0.5",
                "partial_rotary_factor other than 1 is not implemented"
            ),
            ("\"head_dim\": 12", "\"head_dim\": 9", "the head width 9 is odd"),
            ("\"num_key_value_heads\": 2", "\"num_key_value_heads\": 3", "4 heads can't share 3"),
        ])
    func refused(found: String, put: String, expected: String) throws {
        let message = try problem("llama_b", [(found, put)])
        #expect(message.contains(expected), "\(message)")
    }

    @Test("a diffusion model made of Llama sees all tokens; config.json says whether its logits are shifted")
    func diffusion() throws {
        let change = ("\"model_type\": \"llama\"", "\"model_type\": \"a2d-llama\"")
        let plain = try read("llama_b", [change])
        #expect(plain.attention == .bidirectional && !plain.logitShift && plain.maskToken == nil)
        #expect(plain.ropeScaling == Self.scaling)
        let keys = "\"right_shift_logits\": true, \"mask_token_id\": 78, \"vocab_size\""
        let shifted = try read("llama_b", [change, ("\"vocab_size\"", keys)])
        #expect(shifted.logitShift && shifted.maskToken == 78)
        #expect(LlamaFamily.maskedForm == A2DLlamaFamily.self)
    }

    @Test(
        "scaled positions survive being written and read where the family can say them, and aren't lost elsewhere"
    )
    func scaledRoundTrip() throws {
        let folder = try TemporaryFolder()
        for scaling in [RotaryScaling.linear(factor: 2.5), Self.scaling] {
            for (attention, shift) in [(AttentionPattern.causal, true), (.bidirectional, false)] {
                var c = TinyModels.configuration(bias: false, attention: attention, shift: shift)
                c.ropeScaling = scaling
                let model = try TinyModels.transformer(c)
                var written: [String] = []
                for family in ModelFamilies.all {
                    do {
                        try Checkpoint.save(model, family: family, to: folder.path)
                    } catch let error as CheckpointError {
                        #expect("\(error)".contains("can't be written"), "\(error)")
                        continue
                    }
                    #expect(try Checkpoint.load(folder.path).configuration == c)
                    written.append(family.modelTypes[0])
                }
                #expect(written == ["llada", attention == .causal ? "llama" : "a2d-llama"])
            }
        }
    }

    @Test("a damaged configuration is read as a model that can be, or refused")
    func damaged() throws {
        let count = Int(Command.number("D3LLM_FUZZ") ?? 3000)
        let seed = try FileSystem.read(Fixtures.path("transformers/llama_b/config.json"))
        var mutations = Mutations(
            [
                "0", "-1", "1", "1e-300", "1e300", "9223372036854775807", "null", "true", "[]", "{}",
                "\"linear\"",
                "\"default\"", "\"rope_parameters\"", "{\"rope_type\": \"llama3\"}", "[[1]]", "NaN", ",",
            ].map { Array($0.utf8) })
        var read = 0
        for round in 0..<count {
            let bytes = round % 2 == 0 ? mutations.replacingValue(of: seed) : mutations.mutated(seed)
            guard let root = try? JSONDocument(parsing: bytes, name: "config.json", allowNonFinite: true).root
            else { continue }
            do {
                let c = try LlamaFamily.configuration(root)
                #expect(c.problem == nil)
                // What was read can be said, and is then the same.
                let document = LlamaFamily.document(for: c, type: .float32)
                let again = try JSONDocument(parsing: document.prettyBytes(), name: "config.json").root
                #expect(try LlamaFamily.configuration(again) == c)
                read += 1
            } catch let error as FamilyError {
                #expect(!error.description.isEmpty)
            }
        }
        #expect(read > 0 && read < count)
    }

    @Test(
        "a type that people ask for and that isn't implemented is refused with what is missing",
        arguments: [
            ("olmo2", "it norms what attention and feed-forward layers give instead of what they take")
        ])
    func missing(type: String, expected: String) throws {
        let message = try problem("llama_a", [("\"model_type\": \"llama\"", "\"model_type\": \"\(type)\"")])
        #expect(message.contains("model_type \"\(type)\" is not implemented: \(expected)"))
        #expect(message.contains("; known are: llada, Dream, qwen2, qwen3, llama, "))
    }
}
