internal import Evaluation
internal import JSON
package import Recipes
package import Runs
internal import SystemPackage
internal import Tokenizers

/// Trains the tokenizer of an experiment.
package struct TokenizerStage: StageKind {
    package static let name = "tokenizer"
    package static let version = 1
    package static let summary =
        "Makes a word-level tokenizer (digits apart) from the training problems; Hugging Face's library reads it."
    package static let output = ArtifactType.tokenizer

    let corpus: ArtifactReference
    let vocabulary: Int

    package init(_ fields: Fields) {
        corpus = fields.artifact("corpus", types: [.dataset], "The data set whose training part is read.")
        vocabulary = fields.integer(
            "vocabulary", default: 512, in: 8...1_000_000, "Largest number of tokens, special ones included.")
    }

    package func run(_ context: StageContext) throws -> StageResult {
        let items = try DataSet(context.folder(of: corpus), name: "\(corpus)").items(.train)
        let tokenizer = try WordLevelTokenizer.train(
            on: items.lazy.map(\.corpusText), vocabularyLimit: vocabulary)
        try tokenizer.write(to: context.output)
        return StageResult(
            summary: "\(tokenizer.vocabularySize) tokens",
            metrics: ["vocabulary": .integer(tokenizer.vocabularySize)])
    }
}
