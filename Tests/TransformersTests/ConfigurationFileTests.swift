import Files
import JSON
import SystemPackage
import TestSupport
import Testing

@testable import Transformers

/// config.json of the LLaDA family: what is read, and how what can't be is refused.
@Suite struct ConfigurationFileTests {
    /// One option per line, so that the line of a message tells which it means.
    private static let options: [(key: String, value: String)] = [
        ("model_type", "\"llada\""), ("d_model", "8"), ("n_layers", "2"), ("n_heads", "2"),
        ("n_kv_heads", "1"), ("mlp_hidden_size", "12"), ("vocab_size", "11"), ("embedding_size", "11"),
        ("weight_tying", "false"), ("mask_token_id", "10"), ("rms_norm_eps", "1e-05"),
        ("rope_theta", "500000.0"),
    ]

    private func read(_ change: (inout [(key: String, value: String)]) -> Void) throws
        -> TransformerConfiguration
    {
        var options = Self.options
        change(&options)
        let lines = options.map { "\"\($0.key)\": \($0.value)" }.joined(separator: ",\n")
        let folder = try TemporaryFolder()
        try FileSystem.writeAtomically("{\n\(lines)\n}\n", to: folder.path.appending("config.json"))
        return try Checkpoint.configuration(folder.path)
    }

    private func read(setting key: String, to value: String) throws -> TransformerConfiguration {
        try read { options in
            if let i = options.firstIndex(where: { $0.key == key }) {
                options[i].value = value
            } else {
                options.append((key, value))
            }
        }
    }

    @Test("options are read, and those that are absent have the family's defaults")
    func reading() throws {
        let c = try read { _ in }
        #expect(c.layers == 2 && c.width == 8 && c.heads == 2 && c.keyValueHeads == 1 && c.headWidth == 4)
        #expect(c.feedForwardWidth == 12 && c.vocabulary == 11 && !c.tiedHead && c.maskToken == 10)
        #expect(c.normEpsilon == 1e-5 && c.ropeTheta == 500_000 && c.endToken == nil)
        #expect(c.attention == .bidirectional && !c.logitShift && !c.queryKeyValueBias)
        #expect(try read(setting: "n_kv_heads", to: "null").keyValueHeads == 2)
        #expect(try read { $0.removeAll { $0.key == "mlp_hidden_size" } }.feedForwardWidth == 32)
        #expect(try read { $0.removeAll { $0.key == "weight_tying" } }.tiedHead)
        let extended = try read(setting: "d3llm", to: #"{"logit_shift": true, "causal": true}"#)
        #expect(extended.logitShift && extended.attention == .causal)
    }

    @Test(
        "an unsupported option or a wrong type is refused with its name and line",
        arguments: [
            ("alibi", "true", "line 14: alibi other than false is not implemented"),
            ("include_bias", "true", "line 14: include_bias other than false"),
            ("scale_logits", "true", "line 14: scale_logits"),
            ("rope", "false", "line 14: rope other than true"),
            ("rope", "\"yes\"", "line 14: rope other than true"),
            ("activation_type", "\"gelu\"", "line 14: activation_type is \"gelu\"; only \"silu\""),
            ("layer_norm_type", "7", "line 14: layer_norm_type is 7; only \"rms\""),
            ("block_type", "\"sequential\"", "line 14: block_type is \"sequential\"; only \"llama\""),
            ("d_model", "\"8\"", "line 3: d_model should be a whole number; this is \"8\""),
            ("n_layers", "2.5", "line 4: n_layers should be a whole number"),
            ("n_heads", "1e400", "line 5: n_heads should be a whole number"),
            ("weight_tying", "0", "line 10: weight_tying should be true or false"),
            ("mask_token_id", "4294967296", "line 11: mask_token_id should be a token id"),
            ("rms_norm_eps", "\"small\"", "line 12: rms_norm_eps should be a number"),
            ("rope_theta", "1e999", "line 13: rope_theta should be a number"),
            ("d3llm", #"{"causal": "yes"}"#, "line 14: d3llm.causal should be true or false"),
        ])
    func refusedOptions(key: String, value: String, expected: String) throws {
        let error = try #require(throws: CheckpointError.self) { try read(setting: key, to: value) }
        #expect("\(error)".contains("config.json: \(expected)"), "\(error)")
    }

    @Test(
        "sizes that make no model are refused",
        arguments: [
            ("n_layers", "0", "the layers can't be 0"), ("n_layers", "5000", "5000 layers are more than"),
            ("d_model", "-8", "the width can't be -8"),
            ("d_model", "9", "d_model 9 is no multiple of n_heads 2"),
            ("d_model", "6", "the head width 3 is odd"),
            ("n_heads", "0", "the heads can't be 0"), ("n_heads", "-2", "the heads can't be -2"),
            ("n_kv_heads", "0", "the key-value heads can't be 0"),
            ("n_kv_heads", "3", "2 heads can't share 3 key-value heads"),
            ("embedding_size", "9223372036854775807", "the vocabulary can't be"),
            ("mlp_hidden_size", "-1", "the feed-forward width can't be -1"),
            ("mask_token_id", "11", "the mask token 11 is outside the vocabulary of 11"),
            ("eos_token_id", "-1", "the end token -1 is outside the vocabulary"),
            ("rms_norm_eps", "0", "the norm's epsilon can't be 0.0"),
            ("rms_norm_eps", "1e300", "the norm's epsilon can't be inf"),
            ("rope_theta", "-3", "the rotary base can't be -3.0"),
        ])
    func refusedSizes(key: String, value: String, expected: String) throws {
        let error = try #require(throws: CheckpointError.self) { try read(setting: key, to: value) }
        #expect("\(error)".contains(expected), "\(error)")
    }

    @Test("a feed-forward ratio that overflows is refused")
    func ratio() throws {
        let error = try #require(throws: CheckpointError.self) {
            try read {
                $0.removeAll { $0.key == "mlp_hidden_size" }
                $0.append(("mlp_ratio", "4611686018427387904"))
            }
        }
        #expect("\(error)".contains("the feed-forward width can't be"))
    }

    @Test(
        "a missing option and an unknown model type are named", arguments: ["d_model", "n_layers", "n_heads"])
    func missing(key: String) throws {
        let error = try #require(throws: CheckpointError.self) { try read { $0.removeAll { $0.key == key } } }
        #expect("\(error)".contains("the configuration lacks the key \"\(key)\", a whole number"))
        let unknown = try #require(throws: CheckpointError.self) {
            try read(setting: "model_type", to: "\"gpt2\"")
        }
        #expect("\(unknown)".contains("model_type \"gpt2\" is not implemented; known are: llada"))
        let none = try #require(throws: CheckpointError.self) { try read { $0.removeFirst() } }
        #expect("\(none)".contains("has no model_type"))
    }

    @Test("a file that isn't JSON is refused with line and column")
    func syntax() throws {
        let error = try #require(throws: JSONSyntaxError.self) { try read(setting: "d_model", to: "8,,") }
        #expect(error.line == 3)
    }
}
