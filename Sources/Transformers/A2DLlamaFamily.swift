internal import Documents
public import JSON

/// Diffusion models made of Llama with the dLLM project (`a2d-llama`): Llama's weights, every token sees every token.
///
/// Row i of the logits predicts token i unless config.json says `right_shift_logits`, which is how dLLM's trainers and
/// samplers name the other way. The mask token is often known to the tokenizer alone; `mask_token_id` is read where it
/// is there.
public enum A2DLlamaFamily: ModelFamily {
    public static let modelTypes = ["a2d-llama"]

    public static func configuration(_ root: JSONNode) throws(FamilyError) -> TransformerConfiguration {
        var c = try LlamaFamily.layout(root)
        c.logitShift = try FamilyOptions(root: root).flag("right_shift_logits", default: false)
        return c
    }

    public static func document(
        for c: TransformerConfiguration, type: SafetensorsWriter.FloatType
    ) -> JSONValue {
        var object = LlamaFamily.object(
            for: c, modelType: "a2d-llama", architecture: "A2DLlamaLMHeadModel", type: type)
        object["right_shift_logits"] = .bool(c.logitShift)
        return .object(object)
    }

    public static func name(of role: ParameterRole) -> String { QwenLayout.name(of: role) }
}
