internal import Documents
package import JSON

/// What checkpoints of Qwen, of its descendants (Dream, A2D) and of Llama, which they took it from, have in common: the
/// keys of config.json and the names of the weights.
enum QwenLayout {
    /// Reads the options that all of them have.
    ///
    /// - Parameters:
    ///   - headWidth: K where `head_dim` is absent, or nil for hidden_size / num_attention_heads, which is also meant by
    ///     null.
    ///   - positions: the longest sequence where `max_position_embeddings` is absent.
    ///   - scales: whether the family's rotary positions may be scaled.
    /// - Throws: ``FamilyError`` for a missing, inconsistent or unsupported option.
    static func configuration(
        _ options: FamilyOptions, headWidth: Int? = nil, positions: Int = 32_768, scales: Bool = false
    ) throws(FamilyError) -> TransformerConfiguration {
        try options.require("hidden_act", "silu")
        try options.refuseSlidingWindow()
        let width = try options.integer("hidden_size")
        let heads = try options.integer("num_attention_heads")
        // Null is as good as no number, but not as no key.
        let fallback = options.node["head_dim"] == nil ? headWidth : nil
        let quotient = heads > 0 && width % heads == 0 ? width / heads : nil
        let given = try options["head_dim"]?.integer()
        guard let headWidth = given ?? fallback ?? quotient ?? (heads < 1 ? 0 : nil) else {
            throw FamilyError(
                "hidden_size \(width) is no multiple of num_attention_heads \(heads), and head_dim isn't given"
            )
        }
        var c = TransformerConfiguration(
            layers: try options.integer("num_hidden_layers"), width: width, heads: heads,
            keyValueHeads: try options.integer("num_key_value_heads", default: heads),
            headWidth: headWidth,
            feedForwardWidth: try options.integer("intermediate_size"),
            vocabulary: try options.integer("vocab_size"))
        c.normEpsilon = Float(try options.number("rms_norm_eps", default: 1e-6))
        if scales { c.ropeScaling = try options.rotaryScaling() } else { try options.refuseScaling() }
        c.ropeTheta = try options.rotaryBase(default: 10_000)
        c.tiedHead = try options.flag("tie_word_embeddings", default: false)
        c.maskToken = try options.token("mask_token_id")
        c.setEndTokens(try options.endTokens())
        c.maximumPositions = try options.integer("max_position_embeddings", default: positions)
        return c
    }

    /// The content of config.json that ``configuration(_:headWidth:positions:scales:)`` reads.
    static func object(
        for c: TransformerConfiguration, modelType: String, architecture: String,
        type: SafetensorsWriter.FloatType
    ) -> JSONObject {
        var object: JSONObject = [
            "architectures": [.string(architecture)], "model_type": .string(modelType), "hidden_act": "silu",
            "hidden_size": .integer(c.width), "num_hidden_layers": .integer(c.layers),
            "num_attention_heads": .integer(c.heads), "num_key_value_heads": .integer(c.keyValueHeads),
            "intermediate_size": .integer(c.feedForwardWidth), "vocab_size": .integer(c.vocabulary),
            "max_position_embeddings": .integer(c.maximumPositions),
            "rms_norm_eps": .number(c.normEpsilon.shortestDecimal), "rope_theta": .number(c.ropeTheta),
            "rope_scaling": c.ropeScaling.document, "tie_word_embeddings": .bool(c.tiedHead),
            "use_sliding_window": false,
            "torch_dtype": .string(type.torchName),
        ]
        if let token = c.maskToken { object["mask_token_id"] = .integer(Int(token)) }
        if let tokens = c.endTokenValue { object["eos_token_id"] = tokens }
        return object
    }

    /// Name of a weight, the same in all of them.
    static func name(of role: ParameterRole) -> String {
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
                case .queryNorm: "self_attn.q_norm.weight"
                case .keyNorm: "self_attn.k_norm.weight"
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

/// Qwen2 and Qwen2.5 checkpoints: causal models with biases on queries, keys and values.
///
/// Keys and names are those of transformers' `modeling_qwen2.py`.
package enum Qwen2Family: ModelFamily {
    package static let modelTypes = ["qwen2"]
    package static var maskedForm: any ModelFamily.Type { A2DQwen2Family.self }

    package static func configuration(_ root: JSONNode) throws(FamilyError) -> TransformerConfiguration {
        var c = try layout(root)
        c.attention = .causal
        c.logitShift = true
        return c
    }

    package static func document(
        for c: TransformerConfiguration, type: SafetensorsWriter.FloatType
    ) -> JSONValue {
        .object(object(for: c, modelType: "qwen2", architecture: "Qwen2ForCausalLM", type: type))
    }

    package static func name(of role: ParameterRole) -> String { QwenLayout.name(of: role) }

    /// What the causal models and the diffusion models made of them share.
    static func layout(_ root: JSONNode) throws(FamilyError) -> TransformerConfiguration {
        let options = FamilyOptions(root: root)
        // transformers doesn't read this key here: the biases are part of the architecture.
        try options.require("attention_bias", true)
        var c = try QwenLayout.configuration(options)
        c.queryKeyValueBias = true
        if let problem = c.problem { throw FamilyError(problem) }
        return c
    }

    static func object(
        for c: TransformerConfiguration, modelType: String, architecture: String,
        type: SafetensorsWriter.FloatType
    ) -> JSONObject {
        var object = QwenLayout.object(for: c, modelType: modelType, architecture: architecture, type: type)
        if c.width != c.queryWidth { object["head_dim"] = .integer(c.headWidth) }
        return object
    }
}

/// Diffusion models made of Qwen2 by the dLLM project (`a2d-qwen2`): Qwen2's weights, every token sees every
/// token.
///
/// Row i of the logits predicts token i, as the published models were trained, unless config.json says
/// `right_shift_logits`, which is how dLLM's trainers and samplers name the other way. The mask token is often known
/// to the tokenizer alone; `mask_token_id` is read where it is there.
package enum A2DQwen2Family: ModelFamily {
    package static let modelTypes = ["a2d-qwen2"]

    package static func configuration(_ root: JSONNode) throws(FamilyError) -> TransformerConfiguration {
        var c = try Qwen2Family.layout(root)
        c.logitShift = try FamilyOptions(root: root).flag("right_shift_logits", default: false)
        return c
    }

    package static func document(
        for c: TransformerConfiguration, type: SafetensorsWriter.FloatType
    ) -> JSONValue {
        var object = Qwen2Family.object(
            for: c, modelType: "a2d-qwen2", architecture: "A2DQwen2LMHeadModel", type: type)
        object["right_shift_logits"] = .bool(c.logitShift)
        return .object(object)
    }

    package static func name(of role: ParameterRole) -> String { QwenLayout.name(of: role) }
}

/// Dream checkpoints (Dream-org/Dream-v0-*): configuration keys and weight names of `modeling_dream.py`, which are
/// Qwen2's, with bidirectional attention.
///
/// Row i of the logits predicts token i + 1: Dream began as an autoregressive model.
package enum DreamFamily: ModelFamily {
    package static let modelTypes = ["Dream"]

    package static func configuration(_ root: JSONNode) throws(FamilyError) -> TransformerConfiguration {
        var c = try QwenLayout.configuration(FamilyOptions(root: root))
        c.queryKeyValueBias = true
        c.logitShift = true
        if let problem = c.problem { throw FamilyError(problem) }
        return c
    }

    package static func document(
        for c: TransformerConfiguration, type: SafetensorsWriter.FloatType
    ) -> JSONValue {
        var object = QwenLayout.object(for: c, modelType: "Dream", architecture: "DreamModel", type: type)
        object["use_cache"] = false
        return .object(object)
    }

    package static func name(of role: ParameterRole) -> String { QwenLayout.name(of: role) }
}

/// Qwen3 checkpoints (dense): causal models with an RMS norm of each query and key head and no biases.
///
/// Keys and names are those of transformers' `modeling_qwen3.py`.
package enum Qwen3Family: ModelFamily {
    package static let modelTypes = ["qwen3"]
    package static var maskedForm: any ModelFamily.Type { A2DQwen3Family.self }

    package static func configuration(_ root: JSONNode) throws(FamilyError) -> TransformerConfiguration {
        var c = try layout(root)
        c.attention = .causal
        c.logitShift = true
        return c
    }

    package static func document(
        for c: TransformerConfiguration, type: SafetensorsWriter.FloatType
    ) -> JSONValue {
        .object(object(for: c, modelType: "qwen3", architecture: "Qwen3ForCausalLM", type: type))
    }

    package static func name(of role: ParameterRole) -> String { QwenLayout.name(of: role) }

    /// What the causal models and the diffusion models made of them share.
    static func layout(_ root: JSONNode) throws(FamilyError) -> TransformerConfiguration {
        let options = FamilyOptions(root: root)
        try options.require("attention_bias", false)
        // 128 is what transformers takes without the key, whatever the other widths.
        var c = try QwenLayout.configuration(options, headWidth: 128)
        c.queryKeyNorm = true
        if let problem = c.problem { throw FamilyError(problem) }
        return c
    }

    static func object(
        for c: TransformerConfiguration, modelType: String, architecture: String,
        type: SafetensorsWriter.FloatType
    ) -> JSONObject {
        var object = QwenLayout.object(for: c, modelType: modelType, architecture: architecture, type: type)
        object["head_dim"] = .integer(c.headWidth)
        object["attention_bias"] = false
        return object
    }
}

/// Diffusion models made of Qwen3 by the dLLM project (`a2d-qwen3`): Qwen3's weights, every token sees every
/// token.
///
/// Row i of the logits predicts token i, as the published models were trained, unless config.json says
/// `right_shift_logits`, which is how dLLM's trainers and samplers name the other way. The mask token is often known
/// to the tokenizer alone; `mask_token_id` is read where it is there.
package enum A2DQwen3Family: ModelFamily {
    package static let modelTypes = ["a2d-qwen3"]

    package static func configuration(_ root: JSONNode) throws(FamilyError) -> TransformerConfiguration {
        var c = try Qwen3Family.layout(root)
        c.logitShift = try FamilyOptions(root: root).flag("right_shift_logits", default: false)
        return c
    }

    package static func document(
        for c: TransformerConfiguration, type: SafetensorsWriter.FloatType
    ) -> JSONValue {
        var object = Qwen3Family.object(
            for: c, modelType: "a2d-qwen3", architecture: "A2DQwen3LMHeadModel", type: type)
        object["right_shift_logits"] = .bool(c.logitShift)
        return .object(object)
    }

    package static func name(of role: ParameterRole) -> String { QwenLayout.name(of: role) }
}

/// Fast-dLLM v2 checkpoints (`Fast_dLLM_Qwen`, `modeling.py` of Efficient-Large-Model/Fast_dLLM_v2_7B): Qwen2's weights; a token sees
/// the blocks of `bd_size` tokens up to its own, in the prompt as in the response.
///
/// Row i of the logits predicts token i + 1. The mask token is known to the tokenizer alone; `mask_token_id` is read where it
/// is there.
package enum FastDLLMFamily: ModelFamily {
    package static let modelTypes = ["Fast_dLLM_Qwen"]

    package static func configuration(_ root: JSONNode) throws(FamilyError) -> TransformerConfiguration {
        var c = try Qwen2Family.layout(root)
        c.attention = try FamilyOptions(root: root).blocks("bd_size", default: 32)
        c.logitShift = true
        return c
    }

    package static func document(
        for c: TransformerConfiguration, type: SafetensorsWriter.FloatType
    ) -> JSONValue {
        var object = Qwen2Family.object(
            for: c, modelType: "Fast_dLLM_Qwen", architecture: "Fast_dLLM_QwenForCausalLM", type: type)
        if case .blockCausal(_, let length) = c.attention { object["bd_size"] = .integer(length) }
        return .object(object)
    }

    package static func name(of role: ParameterRole) -> String { QwenLayout.name(of: role) }
}

/// SDAR checkpoints (`sdar`, `modeling_sdar.py` of JetLM/SDAR-*; arXiv 2510.06303): Qwen3's weights; a token sees the blocks of
/// `block_size` tokens up to its own, in the prompt as in the response.
///
/// Row i of the logits predicts token i. The mask token is known to the tokenizer alone; `mask_token_id` is read where it is
/// there.
package enum SDARFamily: ModelFamily {
    package static let modelTypes = ["sdar"]

    package static func configuration(_ root: JSONNode) throws(FamilyError) -> TransformerConfiguration {
        var c = try Qwen3Family.layout(root)
        c.attention = try FamilyOptions(root: root).blocks("block_size", default: 4)
        return c
    }

    package static func document(
        for c: TransformerConfiguration, type: SafetensorsWriter.FloatType
    ) -> JSONValue {
        var object = Qwen3Family.object(
            for: c, modelType: "sdar", architecture: "SDARForCausalLM", type: type)
        if case .blockCausal(_, let length) = c.attention { object["block_size"] = .integer(length) }
        return .object(object)
    }

    package static func name(of role: ParameterRole) -> String { QwenLayout.name(of: role) }
}

extension FamilyOptions {
    /// Attention to the blocks of so many tokens up to a token's own, counted from the first token.
    fileprivate func blocks(_ key: String, default length: Int) throws(FamilyError) -> AttentionPattern {
        let length = try integer(key, default: length)
        guard length > 0 else { throw FamilyError("\(key) is \(length); a block holds at least one token") }
        return .blockCausal(promptLength: 0, blockLength: length)
    }
}
