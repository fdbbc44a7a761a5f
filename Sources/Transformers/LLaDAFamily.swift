internal import Documents
package import JSON
internal import Numerics

/// LLaDA checkpoints (GSAI-ML/LLaDA-8B-*): configuration keys and weight names of its `modeling_llada.py`.
///
/// Models trained here use the same layout with one more object, `d3llm`, for what LLaDA has no key for: the
/// attention pattern and the logit shift of models that began as autoregressive ones, a head width of its own, norms
/// of the query and key heads, and scaled rotary positions.
public enum LLaDAFamily: ModelFamily {
    package static let modelTypes = ["llada"]

    private static let extensionKey = "d3llm"

    package static func configuration(_ root: JSONNode) throws(FamilyError) -> TransformerConfiguration {
        let options = FamilyOptions(root: root)
        try options.require("block_type", "llama")
        try options.require("activation_type", "silu")
        try options.require("layer_norm_type", "rms")
        for key in [
            "alibi", "include_bias", "input_emb_norm", "scale_logits", "attention_layer_norm",
            "bias_for_layer_norm", "multi_query_attention",
        ] { try options.require(key, false) }
        for key in ["rope", "layer_norm_with_affine"] { try options.require(key, true) }

        let width = try options.integer("d_model")
        let heads = try options.integer("n_heads")
        let ratio = try options.integer("mlp_ratio", default: 4)
        let feedForward = ratio.multipliedReportingOverflow(by: width)
        var c = TransformerConfiguration(
            layers: try options.integer("n_layers"), width: width, heads: heads,
            keyValueHeads: try options.integer("n_kv_heads", default: heads),
            feedForwardWidth: try options.integer(
                "mlp_hidden_size", default: feedForward.overflow ? .max : feedForward.partialValue),
            vocabulary: try options.integer("embedding_size", default: try options.integer("vocab_size")))
        c.normEpsilon = Float(try options.number("rms_norm_eps", default: 1e-5))
        c.ropeTheta = try options.number("rope_theta", default: 10_000)
        c.tiedHead = try options.flag("weight_tying", default: true)
        c.queryKeyValueBias = try options.flag("include_qkv_bias", default: false)
        c.maskToken = try options.token("mask_token_id")
        c.setEndTokens(try options.endTokens())
        c.maximumPositions = try options.integer("max_sequence_length", default: 4096)
        if let more = options[extensionKey] {
            c.logitShift = try more.flag("logit_shift", default: false)
            c.attention = try more.flag("causal", default: false) ? .causal : .bidirectional
            c.headWidth = try more.integer("head_width", default: c.headWidth)
            c.queryKeyNorm = try more.flag("query_key_norm", default: false)
            if let scaling = more["rope_scaling"] { c.ropeScaling = try RotaryScaling(scaling) }
        }
        if heads > 0, width % heads != 0, c.headWidth == width / heads {
            throw FamilyError("d_model \(width) is no multiple of n_heads \(heads)")
        }
        if let problem = c.problem { throw FamilyError(problem) }
        return c
    }

    package static func document(
        for c: TransformerConfiguration, type: SafetensorsWriter.FloatType
    ) -> JSONValue {
        var object: JSONObject = [
            "architectures": ["LLaDAModelLM"], "model_type": "llada", "block_type": "llama",
            "activation_type": "silu", "layer_norm_type": "rms", "layer_norm_with_affine": true,
            "d_model": .integer(c.width), "n_layers": .integer(c.layers), "n_heads": .integer(c.heads),
            "n_kv_heads": .integer(c.keyValueHeads), "mlp_hidden_size": .integer(c.feedForwardWidth),
            "vocab_size": .integer(c.vocabulary), "embedding_size": .integer(c.vocabulary),
            "max_sequence_length": .integer(c.maximumPositions),
            "rms_norm_eps": .number(c.normEpsilon.shortestDecimal),
            "rope": true, "rope_full_precision": true, "rope_theta": .number(c.ropeTheta), "alibi": false,
            "weight_tying": .bool(c.tiedHead), "include_bias": false,
            "include_qkv_bias": .bool(c.queryKeyValueBias), "input_emb_norm": false, "scale_logits": false,
            "torch_dtype": .string(type.torchName),
        ]
        if let token = c.maskToken { object["mask_token_id"] = .integer(Int(token)) }
        if let token = c.endToken {
            object["eos_token_id"] = c.endTokenValue
            object["pad_token_id"] = .integer(Int(token))
        }
        var more: JSONObject = [:]
        if c.logitShift || c.attention == .causal {
            more["logit_shift"] = .bool(c.logitShift)
            more["causal"] = .bool(c.attention == .causal)
        }
        if c.queryWidth != c.width { more["head_width"] = .integer(c.headWidth) }
        if c.queryKeyNorm { more["query_key_norm"] = true }
        if c.ropeScaling != .unscaled { more["rope_scaling"] = c.ropeScaling.document }
        if !more.members.isEmpty { object[extensionKey] = .object(more) }
        return .object(object)
    }

    public static func name(of role: ParameterRole) -> String {
        switch role {
        case .embedding: return "model.transformer.wte.weight"
        case .finalNorm: return "model.transformer.ln_f.weight"
        case .head: return "model.transformer.ff_out.weight"
        case .block(let i, let role):
            let suffix =
                switch role {
                case .attentionNorm: "attn_norm.weight"
                case .query: "q_proj.weight"
                case .key: "k_proj.weight"
                case .value: "v_proj.weight"
                case .queryBias: "q_proj.bias"
                case .keyBias: "k_proj.bias"
                case .valueBias: "v_proj.bias"
                case .queryNorm: "q_norm.weight"
                case .keyNorm: "k_norm.weight"
                case .attentionOutput: "attn_out.weight"
                case .feedForwardNorm: "ff_norm.weight"
                case .gate: "ff_proj.weight"
                case .up: "up_proj.weight"
                case .down: "ff_out.weight"
                }
            return "model.transformer.blocks.\(i).\(suffix)"
        }
    }
}
