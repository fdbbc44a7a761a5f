internal import Documents
package import JSON

/// Llama checkpoints, and those of its layout (SmolLM2): causal models without biases.
///
/// Keys, defaults and names are those of transformers' `modeling_llama.py`.
package enum LlamaFamily: ModelFamily {
    package static let modelTypes = ["llama"]
    package static var maskedForm: any ModelFamily.Type { A2DLlamaFamily.self }

    package static func configuration(_ root: JSONNode) throws(FamilyError) -> TransformerConfiguration {
        var c = try layout(root)
        c.attention = .causal
        c.logitShift = true
        return c
    }

    package static func document(
        for c: TransformerConfiguration, type: SafetensorsWriter.FloatType
    ) -> JSONValue {
        .object(object(for: c, modelType: "llama", architecture: "LlamaForCausalLM", type: type))
    }

    package static func name(of role: ParameterRole) -> String { QwenLayout.name(of: role) }

    /// What the causal models and the diffusion models made of them share.
    static func layout(_ root: JSONNode) throws(FamilyError) -> TransformerConfiguration {
        let options = FamilyOptions(root: root)
        if let flag = options["attention_bias"], flag.node.bool != false {
            guard flag.node.bool == true else { throw flag.mismatch("true or false") }
            throw flag.error(
                "attention_bias is true, which puts a bias on the attention's output too; only false is implemented"
            )
        }
        try options.require("mlp_bias", false)
        for key in ["pretraining_tp", "partial_rotary_factor"] { try options.require(key, 1) }
        var c = try QwenLayout.configuration(options, positions: 2048, scales: true)
        // What transformers takes without the key; null is no token.
        if options.node["eos_token_id"] == nil { c.setEndTokens([2]) }
        if let problem = c.problem { throw FamilyError(problem) }
        return c
    }

    static func object(
        for c: TransformerConfiguration, modelType: String, architecture: String,
        type: SafetensorsWriter.FloatType
    ) -> JSONObject {
        var object = QwenLayout.object(for: c, modelType: modelType, architecture: architecture, type: type)
        object["use_sliding_window"] = nil
        object["head_dim"] = .integer(c.headWidth)
        for key in ["attention_bias", "mlp_bias"] { object[key] = false }
        if c.endToken == nil { object["eos_token_id"] = .null }
        return object
    }
}

/// Diffusion models made of Llama with the dLLM project (`a2d-llama`): Llama's weights, every token sees every token.
///
/// Row i of the logits predicts token i unless config.json says `right_shift_logits`, which is how dLLM's trainers and
/// samplers name the other way. The mask token is often known to the tokenizer alone; `mask_token_id` is read where it
/// is there.
package enum A2DLlamaFamily: ModelFamily {
    package static let modelTypes = ["a2d-llama"]

    package static func configuration(_ root: JSONNode) throws(FamilyError) -> TransformerConfiguration {
        var c = try LlamaFamily.layout(root)
        c.logitShift = try FamilyOptions(root: root).flag("right_shift_logits", default: false)
        return c
    }

    package static func document(
        for c: TransformerConfiguration, type: SafetensorsWriter.FloatType
    ) -> JSONValue {
        var object = LlamaFamily.object(
            for: c, modelType: "a2d-llama", architecture: "A2DLlamaLMHeadModel", type: type)
        object["right_shift_logits"] = .bool(c.logitShift)
        return .object(object)
    }

    package static func name(of role: ParameterRole) -> String { QwenLayout.name(of: role) }
}
