internal import Recipes
internal import Training
internal import Transformers

/// A low-rank adapter to train instead of all parameters, as configurations write it.
struct AdapterFields {
    /// The matrices of a block.
    enum Target: String, CaseIterable {
        case query, key, value, attentionOutput, gate, up, down

        var role: ParameterRole.BlockRole {
            switch self {
            case .query: .query
            case .key: .key
            case .value: .value
            case .attentionOutput: .attentionOutput
            case .gate: .gate
            case .up: .up
            case .down: .down
            }
        }
    }

    /// How a changed layer is computed; part of the recipe, so that students of another form aren't taken for these.
    private enum Form: String, CaseIterable {
        case apart
    }

    let options: AdapterTraining.Options
    /// How the base is kept in memory; nil where it stays as it is stored.
    let base: FrozenForm?

    /// The key `adapter` of the kinds that train one.
    static func read(_ fields: Fields) -> AdapterFields? {
        fields.optionalObject("adapter", "Train a low-rank adapter (LoRA) instead of all parameters.") {
            AdapterFields($0)
        }
    }

    init(_ fields: Fields) {
        options = AdapterTraining.Options(
            rank: fields.integer(
                "rank", default: 8, in: 1...65_536, "Rank of the changes; published training: 256."),
            alpha: fields.number(
                "alpha", default: 16, in: .above(0),
                "The change is alpha / rank times the product of its factors."),
            targets: fields.choices(
                "targets", default: [Target.query, .key, .value, .up], atLeast: 1,
                "Matrices of each block that change; by default those that the published training changed in LLaDA."
            ).map(\.role))
        _ = fields.choice(
            "form", default: Form.apart,
            "How a changed layer is computed. apart: W x + s B (A x), the weights as they are (there is no other form any "
                + "more; it stands in recipes because weights with the change in them gave other last bits).")
        base = fields.optionalChoice(
            "base",
            "How the model that the adapter changes is kept: stored, which is meant where the key is absent, in its files, "
                + "mapped; or int8, linear layers in memory as 8-bit integers with a scale per output, which takes half of "
                + "bfloat16's memory and rounds them. The student is the adapter with the model as it is stored."
        )
    }
}
