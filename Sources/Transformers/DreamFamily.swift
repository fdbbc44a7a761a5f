public import JSON

/// Dream checkpoints (Dream-org/Dream-v0-*): configuration keys and weight names of `modeling_dream.py`, which are
/// Qwen2's, with bidirectional attention.
///
/// Row i of the logits predicts token i + 1: Dream began as an autoregressive model.
public enum DreamFamily: ModelFamily {
    public static let modelTypes = ["Dream"]

    public static func configuration(_ root: JSONNode) throws(FamilyError) -> TransformerConfiguration {
        let options = FamilyOptions(root: root)
        try options.require("hidden_act", "silu")
        try options.require("use_sliding_window", false)
        if let scaling = root["rope_scaling"], !scaling.isNull {
            throw FamilyError("rope_scaling is not implemented", offset: scaling.range.lowerBound)
        }
        let width = try options.integer("hidden_size")
        let heads = try options.integer("num_attention_heads")
        var c = TransformerConfiguration(
            layers: try options.integer("num_hidden_layers"), width: width, heads: heads,
            keyValueHeads: try options.integer("num_key_value_heads", default: heads),
            feedForwardWidth: try options.integer("intermediate_size"),
            vocabulary: try options.integer("vocab_size"))
        c.normEpsilon = Float(try options.number("rms_norm_eps", default: 1e-6))
        c.ropeTheta = try options.number("rope_theta", default: 10_000)
        c.tiedHead = try options.flag("tie_word_embeddings", default: false)
        c.queryKeyValueBias = true
        c.logitShift = true
        c.maskToken = try options.token("mask_token_id")
        c.endToken = try options.token("eos_token_id")
        c.maximumPositions = try options.integer("max_position_embeddings", default: 4096)
        if heads > 0, width % heads != 0 {
            throw FamilyError("hidden_size \(width) is no multiple of num_attention_heads \(heads)")
        }
        if let problem = c.problem { throw FamilyError(problem) }
        return c
    }

    public static func document(
        for c: TransformerConfiguration, type: SafetensorsWriter.FloatType
    ) -> JSONValue {
        var object: JSONObject = [
            "architectures": ["DreamModel"], "model_type": "Dream", "hidden_act": "silu",
            "hidden_size": .integer(c.width), "num_hidden_layers": .integer(c.layers),
            "num_attention_heads": .integer(c.heads), "num_key_value_heads": .integer(c.keyValueHeads),
            "intermediate_size": .integer(c.feedForwardWidth), "vocab_size": .integer(c.vocabulary),
            "max_position_embeddings": .integer(c.maximumPositions),
            "rms_norm_eps": .number(c.normEpsilon.shortestDecimal), "rope_theta": .number(c.ropeTheta),
            "rope_scaling": .null, "tie_word_embeddings": .bool(c.tiedHead), "use_sliding_window": false,
            "use_cache": false, "torch_dtype": .string(type.torchName),
        ]
        if let token = c.maskToken { object["mask_token_id"] = .integer(Int(token)) }
        if let token = c.endToken { object["eos_token_id"] = .integer(Int(token)) }
        return .object(object)
    }

    public static func name(of role: ParameterRole) -> String {
        switch role {
        case .embedding: return "model.embed_tokens.weight"
        case .finalNorm: return "model.norm.weight"
        case .head: return "lm_head.weight"
        case .block(let i, let role):
            let suffix =
                switch role {
                case .attentionNorm: "input_layernorm.weight"
                case .query: "self_attn.q_proj.weight"
                case .key: "self_attn.k_proj.weight"
                case .value: "self_attn.v_proj.weight"
                case .queryBias: "self_attn.q_proj.bias"
                case .keyBias: "self_attn.k_proj.bias"
                case .valueBias: "self_attn.v_proj.bias"
                case .attentionOutput: "self_attn.o_proj.weight"
                case .feedForwardNorm: "post_attention_layernorm.weight"
                case .gate: "mlp.gate_proj.weight"
                case .up: "mlp.up_proj.weight"
                case .down: "mlp.down_proj.weight"
                }
            return "model.layers.\(i).\(suffix)"
        }
    }
}
