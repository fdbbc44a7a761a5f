internal import Recipes
internal import Transformers

/// The shape of a model, as configurations write it.
struct ModelFields {
    private let layers: Int
    private let width: Int
    private let heads: Int
    private let keyValueHeads: Int?
    private let feedForwardWidth: Int
    private let tiedHead: Bool
    private let queryKeyValueBias: Bool
    private let logitShift: Bool
    private let causal: Bool
    private let ropeTheta: Double
    let embeddingDeviation: Double
    let matrixDeviation: Double

    init(_ fields: Fields) {
        layers = fields.integer("layers", default: 4, in: 1...128, "Blocks.")
        width = fields.integer("width", default: 96, in: 2...16_384, "Width of the residual stream.")
        heads = fields.integer("heads", default: 4, in: 1...256, "Attention heads.")
        keyValueHeads = fields.optionalInteger(
            "keyValueHeads", in: 1...256, "Key-value heads; as many as heads unless given.")
        feedForwardWidth = fields.integer(
            "feedForwardWidth", default: 256, in: 1...65_536, "Width of the feed-forward layer.")
        tiedHead = fields.flag("tiedHead", default: false, "Whether the embedding is the head.")
        queryKeyValueBias = fields.flag(
            "queryKeyValueBias", default: false, "Biases on the query, key and value projections.")
        logitShift = fields.flag(
            "logitShift", default: true,
            "Whether row i of the logits predicts token i + 1; autoregressive training needs it.")
        causal = fields.flag(
            "causal", default: false, "Whether the model attends causally unless asked otherwise.")
        ropeTheta = fields.number(
            "ropeTheta", default: 10_000, in: .above(1), "Base of the rotary frequencies.")
        embeddingDeviation = fields.number(
            "embeddingDeviation", default: 1, in: .above(0), "Standard deviation of the initial embedding.")
        matrixDeviation = fields.number(
            "matrixDeviation", default: 0.02, in: .above(0),
            "Standard deviation of the other initial matrices.")
        if heads > 0, width % heads != 0 || (width / heads) % 2 != 0 {
            fields.reject("width", "The width \(width) should be an even multiple of the \(heads) heads.")
        }
        if let keyValueHeads, keyValueHeads < 1 || heads % keyValueHeads != 0 {
            fields.reject(
                "keyValueHeads", "\(heads) heads can't share \(keyValueHeads) key-value heads evenly.")
        }
    }

    func configuration(vocabulary: Int, mask: Int32, end: Int32, positions: Int) throws
        -> TransformerConfiguration
    {
        var c = TransformerConfiguration(
            layers: layers, width: width, heads: heads, keyValueHeads: keyValueHeads,
            feedForwardWidth: feedForwardWidth, vocabulary: vocabulary)
        c.tiedHead = tiedHead
        c.queryKeyValueBias = queryKeyValueBias
        c.logitShift = logitShift
        c.attention = causal ? .causal : .bidirectional
        c.ropeTheta = ropeTheta
        c.maskToken = mask
        c.endToken = end
        c.maximumPositions = positions
        if let problem = c.problem { throw DataError(description: "the model can't be built: \(problem)") }
        return c
    }
}
