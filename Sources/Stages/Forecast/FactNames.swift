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

    /// Tokens of a tokenizer.
    static let vocabulary = FactName("vocabulary")
    /// The whole configuration of a model.
    static let model = FactName("model")
    /// Bytes of a weight in a model's files; 4 where it isn't known.
    static let weightBytes = FactName("weightBytes")
}

extension Facts {
    /// The model that the facts are of.
    init(_ configuration: TransformerConfiguration) {
        self = [:]
        self[document: .model] = configuration.document
    }

    /// The model that the facts are of; nil where they are of none.
    var configuration: TransformerConfiguration? {
        self[document: .model].flatMap { try? TransformerConfiguration(document: $0) }
    }
}
