package import Base
package import Recipes
package import Runs
package import SystemPackage
package import Transformers

extension ArtifactType {
    /// Questions with what is wanted of an answer, whatever they come from; see ``DataSet``.
    package static let dataset = ArtifactType("dataset", formerNames: ["benchmark"])
    /// Files of an input from outside.
    package static let files = ArtifactType("files")
    /// A tokenizer.json with its configuration.
    package static let tokenizer = ArtifactType("tokenizer")
    /// A checkpoint folder in Hugging Face layout, its tokenizer included.
    package static let model = ArtifactType("model")
    /// Decoded responses with the order in which a teacher decoded them: trajectories.jsonl.
    package static let trajectories = ArtifactType("trajectories")
    /// Per-sample results of one decoder setting: samples.jsonl.
    package static let samples = ArtifactType("samples")
    /// A table of results.
    package static let table = ArtifactType("table")
    /// Tables of several repeats put together.
    package static let summary = ArtifactType("summary")

    /// All of them.
    package static let all: [ArtifactType] = [
        .dataset, .files, .tokenizer, .model, .trajectories, .samples, .table, .summary,
    ]
}

/// What the kinds of stages know of artifacts before they are made.
extension FactName {
    /// Problems to train on.
    package static let train = FactName("train")
    /// Unseen problems; of samples, those that were decoded.
    package static let test = FactName("test")
    /// Mean tokens of a prompt.
    package static let promptTokens = FactName("promptTokens")
    /// Mean tokens of a response, the end token included.
    package static let responseTokens = FactName("responseTokens")
    /// Mean bytes of a problem in its file.
    package static let problemBytes = FactName("problemBytes")
    /// Different words of a data set.
    package static let words = FactName("words")
    /// Answers of a teacher that are kept.
    package static let answers = FactName("answers")

    /// Tokens of a tokenizer.
    package static let vocabulary = FactName("vocabulary")
    /// The whole configuration of a model.
    package static let model = FactName("model")
    /// Bytes of a weight in a model's files; 4 where it isn't known.
    package static let weightBytes = FactName("weightBytes")
}

extension Facts {
    /// The model that the facts are of.
    package init(_ configuration: TransformerConfiguration) {
        self = [:]
        self[document: .model] = configuration.document
    }

    /// The model that the facts are of; nil where they are of none.
    package var configuration: TransformerConfiguration? {
        self[document: .model].flatMap { try? TransformerConfiguration(document: $0) }
    }
}

/// Why a stage can't work with what it was given, although every file is whole.
package struct DataError: Error, Sendable, CustomStringConvertible {
    package let description: String

    package init(description: String) {
        self.description = description
    }
}

/// A file of an artifact or of a journal that holds something else than it should.
package struct DamagedFileError: Failure, Sendable {
    package var failureKind: FailureKind { .inputOutput }

    /// The file.
    package let path: FilePath
    /// The line, from 1, where one is known.
    package let line: Int?
    package let description: String

    /// Names a file, a line of it and, as a sentence, what is wrong there.
    package init(_ path: FilePath, line: Int? = nil, _ problem: String) {
        self.path = path
        self.line = line
        description = "\(path)" + (line.map { ":\($0)" } ?? "") + ": \(problem)"
    }
}
