internal import Documents
public import JSON

/// Diffusion models made of Qwen2 by the dLLM project (`a2d-qwen2`): Qwen2's weights, every token sees every
/// token.
///
/// Row i of the logits predicts token i, as the published models were trained, unless config.json says
/// `right_shift_logits`, which is how dLLM's trainers and samplers name the other way. The mask token is often known
/// to the tokenizer alone; `mask_token_id` is read where it is there.
public enum A2DQwen2Family: ModelFamily {
    public static let modelTypes = ["a2d-qwen2"]

    public static func configuration(_ root: JSONNode) throws(FamilyError) -> TransformerConfiguration {
        var c = try Qwen2Family.layout(root)
        c.logitShift = try FamilyOptions(root: root).flag("right_shift_logits", default: false)
        return c
    }

    public static func document(
        for c: TransformerConfiguration, type: SafetensorsWriter.FloatType
    ) -> JSONValue {
        var object = Qwen2Family.object(
            for: c, modelType: "a2d-qwen2", architecture: "A2DQwen2LMHeadModel", type: type)
        object["right_shift_logits"] = .bool(c.logitShift)
        return .object(object)
    }

    public static func name(of role: ParameterRole) -> String { QwenLayout.name(of: role) }
}
