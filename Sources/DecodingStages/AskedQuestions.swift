internal import ArtifactStore
internal import Base
internal import DataStages
internal import Decoding
internal import Evaluation
internal import Files
internal import JSON
internal import Measures
internal import ModelStages
internal import Numerics
internal import Runs
internal import StageBasics
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
        if grader != .final, !problems.allSatisfy(\.hasSpacedSums) {
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
        let answering = try LoadedModel(model, needs: needs)
        guard !recordsErrors || answering.tokens.areWords else {
            throw DataError(
                description:
                    "\"errors\" tells kinds of errors by words and the forwards that decided them, so the model's tokens have to be words; those of \(model.folder) aren't. Leave the key out."
            )
        }
        let prompts = try problems.map { try answering.encoder.prompt(.problem($0), room: 1) }
        return ProblemQuestions(
            problems: problems, prompts: prompts, grader: grader, model: answering,
            verifier: try model.loadVerifier(for: answering))
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
    let verifier: Transformer?

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
    /// The second model, where the method needs one.
    var verifier: Transformer? { get }
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
        /// How it is decoded; nil where that isn't known.
        let method: DecodingMethod?
        /// Where the model is that judges drafts.
        let verifier: FilePath?

        /// The second model.
        ///
        /// - Throws: ``DataError`` where its tokens aren't those of the first; what reading it throws.
        func loadVerifier(for model: LoadedModel) throws -> Transformer? {
            guard let verifier else { return nil }
            let judge = try LoadedModel(verifier, .precision(precision), needs: [])
            let count = min(model.tokens.vocabulary, judge.tokens.vocabulary)
            let differs = (0..<count).first {
                !model.tokens.tokenizer.exactText(of: [$0]).utf8.elementsEqual(
                    judge.tokens.tokenizer.exactText(of: [$0]).utf8)
            }
            if let differs {
                throw DataError(
                    description:
                        "\(verifier) has another token \(differs) than \(folder): two models can only decode together with the same tokens."
                )
            }
            return judge.transformer
        }

        /// False for methods that write one token after the other.
        var needsMask: Bool { method?.needsMask ?? true }
    }
}

extension LoadedModel {
    /// - Throws: ``DataError`` where tokenizer and model don't fit; what reading either throws.
    init(_ source: AnsweringModel.Source) throws {
        try self.init(source, needs: source.needsMask ? .mask : [])
    }

    /// - Throws: The same; `DecodingError` for a model that attends otherwise than its method has it attend.
    init(_ source: AnsweringModel.Source, needs: ModelTokens.Needs) throws {
        try self.init(source.folder, .precision(source.precision), needs: needs)
        try source.method?.check("\(source.folder)", attends: configuration.attention)
    }
}

/// The questions of a benchmark.
struct AskedBenchmark: AskedQuestions {
    let file: QuestionFile
    let items: [TaskItem]

    init(_ data: DataSet, limit: Int?) throws {
        try data.check(.test)
        let all = try QuestionFile(folder: data.folder)
        file = all
        items = limit.map { Array(all.items.prefix($0)) } ?? all.items
    }

    var ids: [String] { items.map(\.id) }
    var runsPrograms: Bool { file.runsPrograms }

    func questions(for model: AnsweringModel.Source, _ permissions: Permissions) throws -> any Questions {
        // First: it is cheap and may fail, where loading a model isn't.
        let grading = try AnswerGrading(file, permissions)
        let answering = try LoadedModel(model)
        // A user's are checked before the first is decoded, so that what is wrong with the last is known now; those of
        // benchmarks are asked as upstream asks them, whatever their length.
        let prompts =
            file.task.task == OwnTask.name
            ? try items.map { try answering.encoder.prompt(.task($0), room: 1) } : nil
        return BenchmarkQuestions(
            items: items, prompts: prompts, model: answering,
            verifier: try model.loadVerifier(for: answering),
            grading: grading)
    }

    func check(_ record: JournalRecord, _ index: Int, in journal: FilePath) throws {
        let item = items[index]
        guard let verdicts = record.value["verdicts"]?.object, let text = record.value["text"]?.string,
            let prompt = record.value["prompt"]?.string
        else {
            throw DamagedFileError(journal, "the record of \(record.key) has no prompt, text or verdicts.")
        }
        try RecordCheck.prompt(record, SHA256.hex(of: Array(prompt.utf8)), in: journal)
        // Only what is graded has a verdict.
        guard record.value["correct"] != .null || item.extractions(text).isEmpty else {
            throw DamagedFileError(
                journal, "the record of \(record.key) has no verdict, but its answer is graded.")
        }
        guard prompt.utf8.count >= item.prompt.text.utf8.count,
            record.value["docHash"]?.string == DocumentHash.of(item.record.value)
        else {
            throw DamagedFileError(journal, "the record of \(record.key) is of another question.")
        }
        var isCorrect: Bool?
        for extraction in item.extractions(text) {
            let recorded = verdicts[extraction.name]?["correct"]?.bool
            if let found = extraction.verdict.isCorrect, found != recorded {
                throw DamagedFileError(
                    journal,
                    "the record of \(record.key) has another verdict \"\(extraction.name)\" than the grader finds."
                )
            }
            if extraction.isReported { isCorrect = recorded }
        }
        isCorrect = verdicts[AnswerGrading.sympy]?["correct"]?.bool ?? isCorrect
        if record.value["correct"] == .null { return }
        try RecordCheck.verdict(record, isCorrect: isCorrect ?? false, in: journal)
    }
}

/// The questions of a benchmark for one model.
private struct BenchmarkQuestions: Questions {
    let items: [TaskItem]
    /// Their tokens, where they are known already.
    let prompts: [[Int32]]?
    let model: LoadedModel
    let verifier: Transformer?
    let grading: AnswerGrading

    var ids: [String] { items.map(\.id) }
    var transformer: Transformer { model.transformer }
    var maskToken: Int32 { model.maskToken }
    var endToken: Int32? { model.tokens.knownEnd }
    var furtherEndTokens: [Int32] { model.tokens.furtherEnds }
    var repetitionPenalty: Double { model.tokens.repetitionPenalty }

    func prompt(_ index: Int) throws -> [Int32] {
        try prompts?[index] ?? model.encoder.tokens(items[index].prompt)
    }

    func text(of token: Int32) -> String {
        model.tokens.tokenizer.exactText(of: [Int(token)])
    }

    func records(
        _ range: Range<Int>, _ decoders: [any Decoder], generationLength: Int
    ) throws -> [JSONValue] {
        let answers = zip(range, decoders).map { Answer($1, items[$0], model.tokens) }
        let grades = try grading.grade(answers.map { ($0.text, $0.item) })
        return try zip(answers, grades).map { answer, grade in
            try record(answer, grade, generationLength: generationLength)
        }
    }

    /// What a decoder leaves.
    private struct Answer {
        let item: TaskItem
        let decoder: any Decoder
        let response: [Int]
        /// Where the first end token is.
        let end: Int?
        /// What stands before it, without special tokens.
        let text: String

        init(_ decoder: any Decoder, _ item: TaskItem, _ tokens: ModelTokens) {
            self.item = item
            self.decoder = decoder
            let response = decoder.tokens[decoder.promptLength...].map(Int.init)
            let ends = tokens.ends
            let end = response.firstIndex { ends.contains(Int32($0)) }
            text = tokens.answers.text(Array(decoder.tokens[decoder.promptLength...]))
            (self.response, self.end) = (response, end)
        }
    }

    private func record(
        _ answer: Answer, _ grade: AnswerGrading.Grade, generationLength: Int
    ) throws -> JSONValue {
        let (item, decoder, text) = (answer.item, answer.decoder, answer.text)
        let ends = model.tokens.ends
        let prompt = try model.encoder.text(item.prompt)
        let stop: String =
            item.graded(text).utf8.count < text.utf8.count
            ? "stop-string" : answer.end == nil ? "length" : "end"
        let record = SampleRecord(
            id: item.id, correct: grade.isCorrect,
            tokensBeforeEnd: TokenCount.throughEnd(answer.response, generationLength: generationLength) {
                ends.contains(Int32($0))
            },
            nfe: decoder.evaluations, forwards: decoder.forwards, tokensForwarded: decoder.tokensForwarded,
            text: text, promptHash: SHA256.hex(of: Array(prompt.utf8)), isGraded: grade.isGraded)
        guard case .object(var object) = record.value else { return record.value }
        object["docHash"] = .string(DocumentHash.of(item.record.value))
        object["promptTokens"] = .integer(decoder.promptLength)
        object["stop"] = .string(stop)
        object["verdicts"] = .object(grade.verdicts)
        object["prompt"] = .string(prompt)
        return .object(object)
    }
}
