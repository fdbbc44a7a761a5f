internal import Documents
public import JSON

/// Dream checkpoints (Dream-org/Dream-v0-*): configuration keys and weight names of `modeling_dream.py`, which are
/// Qwen2's, with bidirectional attention.
///
/// Row i of the logits predicts token i + 1: Dream began as an autoregressive model.
public enum DreamFamily: ModelFamily {
    public static let modelTypes = ["Dream"]

    public static func configuration(_ root: JSONNode) throws(FamilyError) -> TransformerConfiguration {
        var c = try QwenLayout.configuration(FamilyOptions(root: root))
        c.queryKeyValueBias = true
        c.logitShift = true
        if let problem = c.problem { throw FamilyError(problem) }
        return c
    }

    public static func document(
        for c: TransformerConfiguration, type: SafetensorsWriter.FloatType
    ) -> JSONValue {
        var object = QwenLayout.object(for: c, modelType: "Dream", architecture: "DreamModel", type: type)
        object["use_cache"] = false
        return .object(object)
    }

    public static func name(of role: ParameterRole) -> String { QwenLayout.name(of: role) }
}
