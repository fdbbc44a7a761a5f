internal import Documents
public import JSON

/// Qwen3 checkpoints (dense): causal models with an RMS norm of each query and key head and no biases.
///
/// Keys and names are those of transformers' `modeling_qwen3.py`.
public enum Qwen3Family: ModelFamily {
    public static let modelTypes = ["qwen3"]
    public static var maskedForm: any ModelFamily.Type { A2DQwen3Family.self }

    public static func configuration(_ root: JSONNode) throws(FamilyError) -> TransformerConfiguration {
        var c = try layout(root)
        c.attention = .causal
        c.logitShift = true
        return c
    }

    public static func document(
        for c: TransformerConfiguration, type: SafetensorsWriter.FloatType
    ) -> JSONValue {
        .object(object(for: c, modelType: "qwen3", architecture: "Qwen3ForCausalLM", type: type))
    }

    public static func name(of role: ParameterRole) -> String { QwenLayout.name(of: role) }

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
