internal import Documents
public import JSON

/// Qwen2 and Qwen2.5 checkpoints: causal models with biases on queries, keys and values.
///
/// Keys and names are those of transformers' `modeling_qwen2.py`.
public enum Qwen2Family: ModelFamily {
    public static let modelTypes = ["qwen2"]
    public static var maskedForm: any ModelFamily.Type { A2DQwen2Family.self }

    public static func configuration(_ root: JSONNode) throws(FamilyError) -> TransformerConfiguration {
        var c = try layout(root)
        c.attention = .causal
        c.logitShift = true
        return c
    }

    public static func document(
        for c: TransformerConfiguration, type: SafetensorsWriter.FloatType
    ) -> JSONValue {
        .object(object(for: c, modelType: "qwen2", architecture: "Qwen2ForCausalLM", type: type))
    }

    public static func name(of role: ParameterRole) -> String { QwenLayout.name(of: role) }

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
