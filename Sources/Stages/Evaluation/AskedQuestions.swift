internal import ArtifactStore
internal import Decoding
internal import JSON
internal import Numerics
internal import Runs
internal import SystemPackage
internal import Transformers

/// What an evaluation asks, before a model is there.
protocol AskedQuestions: Sendable {
    /// In the order in which they are asked.
    var ids: [String] { get }
    /// Whether answers are graded by running them.
    var runsPrograms: Bool { get }
    /// The questions as a model gets them.
    func questions(for model: AnsweringModel.Source, _ permissions: Permissions) throws -> any Questions
    /// Grades a record's answer again; throws where the record says something else.
    func check(_ record: JournalRecord, _ index: Int, in journal: FilePath) throws
}

/// Questions for one model; used by several threads.
protocol Questions: Sendable {
    /// In the order in which they are asked.
    var ids: [String] { get }
    var transformer: Transformer { get }
    var maskToken: Int32 { get }
    var endToken: Int32? { get }
    /// Other tokens that end a text.
    var furtherEndTokens: [Int32] { get }
    /// What the model's generation_config.json asks of repeated tokens; 1 for nothing.
    var repetitionPenalty: Double { get }
    /// The tokens of a question.
    func prompt(_ index: Int) throws -> [Int32]
    /// A token as text.
    func text(of token: Int32) -> String
    /// What is kept of the answers to consecutive questions, which are graded together.
    func records(_ range: Range<Int>, _ decoders: [any Decoder], generationLength: Int) throws -> [JSONValue]
}

/// A model that answers.
enum AnsweringModel {
    /// Where it is and how it is loaded.
    struct Source {
        let folder: FilePath
        let precision: WeightPrecision
        /// False for methods that write one token after the other.
        let needsMask: Bool
    }
}

extension LoadedModel {
    /// - Throws: ``DataError`` where tokenizer and model don't fit; what reading either throws.
    init(_ source: AnsweringModel.Source) throws {
        try self.init(
            source.folder, .precision(source.precision), needs: source.needsMask ? .mask : [])
    }
}
