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

    let options: AdapterTraining.Options

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
    }
}
