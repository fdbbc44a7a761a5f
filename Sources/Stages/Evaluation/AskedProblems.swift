internal import ArtifactStore
internal import Base
internal import Decoding
internal import Evaluation
internal import JSON
internal import Numerics
internal import Runs
internal import SystemPackage
internal import Tokenizers
internal import Transformers

/// The unseen problems of a generated data set.
struct AskedProblems: AskedQuestions {
    let problems: [Problem]
    let grader: AnswerGrader
    /// Whether records say which forward decided each token, and what kind of error a response has.
    let recordsErrors: Bool

    /// - Throws: ``DataError`` for a grader that isn't one of the data set's task.
    init(
        _ folder: FilePath, limit: Int?, grader: AnswerGrader = .final, recordsErrors: Bool = false
    ) throws {
        let all = try ProblemFile.read(folder.appending("test.jsonl"))
        problems = limit.map { Array(all.prefix($0)) } ?? all
        (self.grader, self.recordsErrors) = (grader, recordsErrors)
        if grader != .final, problems.contains(where: { $0.rules != .finalNumber }) {
            throw DataError(
                description:
                    "\"grader\" is \"\(grader.rawValue)\", which is for word problems; the answers of this data set are graded by their own rules. Leave the key out."
            )
        }
    }

    var ids: [String] { problems.map(\.id) }
    var runsPrograms: Bool { false }

    func questions(for model: AnsweringModel.Source, _ permissions: Permissions) throws -> any Questions {
        var needs: ModelTokens.Needs = .end
        if model.needsMask { needs.insert(.mask) }
        let answering = try LoadedModel(model.folder, .precision(model.precision), needs: needs)
        guard !recordsErrors || answering.tokens.areWords else {
            throw DataError(
                description:
                    "\"errors\" tells kinds of errors by words and the forwards that decided them, so the model's tokens have to be words; those of \(model.folder) aren't. Leave the key out."
            )
        }
        let prompts = try problems.map { try answering.encoder.prompt(.problem($0), room: 1) }
        return ProblemQuestions(
            problems: problems, prompts: prompts, grader: grader, model: answering)
    }

    func check(_ record: JournalRecord, _ index: Int, in journal: FilePath) throws {
        guard let text = record.value["text"]?.string else { return }
        let problem = problems[index]
        try RecordCheck.prompt(record, StableHash.hex(problem.prompt()), in: journal)
        let verdict = problem.accepts(text, by: grader)
        try RecordCheck.verdict(record, isCorrect: verdict, in: journal)
        guard recordsErrors else { return }
        let decided = record.value["decided"]?.array?.compactMap(\.int)
        let words = ResponseWords(text, decided: decided)
        guard words.decided != nil,
            record.value["error"]?.string == problem.errorClass(words, isRight: verdict).rawValue
        else {
            throw DamagedFileError(
                journal,
                "the record of \(record.key) has another kind of error than its answer and forwards show.")
        }
    }
}

/// Generated problems for one model.
private struct ProblemQuestions: Questions {
    let problems: [Problem]
    /// Their tokens.
    let prompts: [[Int32]]
    let grader: AnswerGrader
    let model: LoadedModel

    var ids: [String] { problems.map(\.id) }
    var transformer: Transformer { model.transformer }
    var maskToken: Int32 { model.maskToken }
    var endToken: Int32? { model.tokens.end }
    var furtherEndTokens: [Int32] { model.tokens.furtherEnds }
    var repetitionPenalty: Double { model.tokens.repetitionPenalty }

    func prompt(_ index: Int) -> [Int32] { prompts[index] }

    func text(of token: Int32) -> String {
        model.tokens.tokenizer.exactText(of: [Int(token)])
    }

    func records(_ range: Range<Int>, _ decoders: [any Decoder], generationLength: Int) -> [JSONValue] {
        zip(range, decoders).map { record(problems[$0], $1, generationLength: generationLength) }
    }

    private func record(_ problem: Problem, _ decoder: any Decoder, generationLength: Int) -> JSONValue {
        let response = decoder.tokens[decoder.promptLength...].map(Int.init)
        let text = model.tokens.answers.problemText(response.map(Int32.init))
        let isRight = problem.accepts(text, by: grader)
        let ends = model.tokens.ends
        let value = SampleRecord(
            id: problem.id, correct: isRight,
            tokensBeforeEnd: TokenCount.throughEnd(response, generationLength: generationLength) {
                ends.contains(Int32($0))
            },
            nfe: decoder.evaluations, forwards: decoder.forwards, tokensForwarded: decoder.tokensForwarded,
            text: Self.shown(text), promptHash: StableHash.hex(problem.prompt())
        ).value
        guard let recorder = decoder as? CommitRecorder, case .object(var object) = value else {
            return value
        }
        let end = response.firstIndex { ends.contains(Int32($0)) }.map { $0 + 1 } ?? response.count
        let decided = Array(recorder.decided.prefix(end))
        object["error"] = .string(
            problem.errorClass(ResponseWords(text, decided: decided), isRight: isRight).rawValue)
        object["decided"] = .array(decided.map { .integer($0) })
        return .object(object)
    }

    /// The response up to and including its first end token; the padding behind it says nothing.
    private static func shown(_ text: String) -> String {
        let end = Grader().endOfText
        var kept: [String] = []
        for word in text.byteText.split(" ").map(\.text) {
            kept.append(word)
            if word == end { break }
        }
        return kept.joined(separator: " ")
    }
}

/// What is checked of a record whose answer was graded again.
enum RecordCheck {
    static func prompt(_ record: JournalRecord, _ hash: String, in journal: FilePath) throws {
        guard record.value["promptHash"]?.string == hash else {
            throw DamagedFileError(
                journal, "the record of \(record.key) has the hash of another prompt than the problem's.")
        }
    }

    static func verdict(_ record: JournalRecord, isCorrect: Bool, in journal: FilePath) throws {
        guard record.value["correct"]?.bool == isCorrect else {
            throw DamagedFileError(
                journal,
                "the record of \(record.key) says that its answer is \(isCorrect ? "wrong" : "right"), but the grader finds it \(isCorrect ? "right" : "wrong")."
            )
        }
    }
}

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
