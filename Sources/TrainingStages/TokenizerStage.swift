package import ArtifactStore
internal import DataStages
internal import Evaluation
internal import JSON
package import Recipes
package import Runs
internal import StageBasics
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

extension TokenizerStage {
    /// The vocabulary: that of the artifact, or the words of a few problems of the corpus.
    package func facts(_ context: ForecastContext) -> Facts {
        let words = context.facts(of: corpus)[.words] ?? Double(vocabulary)
        // No tokenizer has more than the key allows, whatever a damaged record says.
        let made = context.record?.metrics["vocabulary"]?.double.map { max(0, $0) }
        return [.vocabulary: min(made ?? words, Double(vocabulary))]
    }

    /// Reading all problems to train on.
    package func forecast(_ context: ForecastContext) -> StageForecast? {
        guard let count = context.facts(of: corpus)[.train] else { return nil }
        return StageForecast(
            seconds: context.seconds(of: ModelWork.readProblem.work, times: count),
            memory: Int(clamped: MemoryModel.program + count * MemoryModel.problem), disk: 25 * vocabulary)
    }
}

/// Its artifact is a cheap function of its inputs: to check it is to make it again.
extension TokenizerStage: QuickStage {}
