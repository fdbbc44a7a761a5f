internal import Runs
internal import Transformers

/// What the kinds of stages know of artifacts before they are made.
extension FactName {
    /// Problems to train on.
    static let train = FactName("train")
    /// Unseen problems; of samples, those that were decoded.
    static let test = FactName("test")
    /// Mean tokens of a prompt.
    static let promptTokens = FactName("promptTokens")
    /// Mean tokens of a response, the end token included.
    static let responseTokens = FactName("responseTokens")
    /// Mean bytes of a problem in its file.
    static let problemBytes = FactName("problemBytes")
    /// Different words of a data set.
    static let words = FactName("words")
    /// Answers of a teacher that are kept.
    static let answers = FactName("answers")

    // The shape of a model.
    static let vocabulary = FactName("vocabulary")
    static let layers = FactName("layers")
    static let width = FactName("width")
    static let heads = FactName("heads")
    static let keyValueHeads = FactName("keyValueHeads")
    static let feedForwardWidth = FactName("feedForwardWidth")
    static let tiedHead = FactName("tiedHead")
}

extension Facts {
    /// The shape of a model.
    init(_ c: TransformerConfiguration) {
        self = [
            .vocabulary: Double(c.vocabulary), .layers: Double(c.layers), .width: Double(c.width),
            .heads: Double(c.heads), .keyValueHeads: Double(c.keyValueHeads),
            .feedForwardWidth: Double(c.feedForwardWidth), .tiedHead: c.tiedHead ? 1 : 0,
        ]
    }

    /// The shape of the model that the facts are of; nil where they are of none.
    var configuration: TransformerConfiguration? {
        guard let layers = count(.layers), let width = count(.width), let heads = count(.heads),
            let feedForwardWidth = count(.feedForwardWidth), let vocabulary = count(.vocabulary)
        else { return nil }
        var c = TransformerConfiguration(
            layers: layers, width: width, heads: heads, keyValueHeads: count(.keyValueHeads),
            feedForwardWidth: feedForwardWidth, vocabulary: vocabulary)
        c.tiedHead = count(.tiedHead) == 1
        return c.problem == nil ? c : nil
    }
}
