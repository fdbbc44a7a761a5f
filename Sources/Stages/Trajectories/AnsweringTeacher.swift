internal import Evaluation
internal import Numerics
internal import Recipes
internal import Runs
internal import SystemPackage
internal import Tokenizers
internal import Transformers

/// The model whose order of decoding is recorded: made here, with words as tokens, or a checkpoint.
struct AnsweringTeacher: Sendable {
    let transformer: Transformer
    let tokens: AnswerTokens
    let maskToken: Int32
    var endToken: Int32 { tokens.end }
    /// Whether its tokens are words, as a tokenizer of this program has them.
    var isMadeHere: Bool { tokens.tokenizer is WordLevelTokenizer }

    /// - Throws: As ``Teacher/init(_:)``.
    init(_ folder: FilePath, _ known: ModelTokens, _ precision: WeightPrecision) throws {
        transformer = try Checkpoint.load(folder, precision: precision)
        maskToken = known.mask
        tokens = AnswerTokens(tokenizer: known.tokenizer, end: known.end)
    }
}

/// What turns the tokens of an answer into the text that is graded.
struct AnswerTokens: Sendable {
    let tokenizer: any Tokenizer
    let end: Int32

    /// The text of an answer to a question of a task: what stands before the first end token.
    ///
    /// Digits that stand apart only because each is a token are put together again.
    func text(_ response: [Int32]) -> String {
        let text = tokenizer.decode(
            tokenIds: response.prefix { $0 != end }.map(Int.init), skipSpecialTokens: true)
        return tokenizer is WordLevelTokenizer ? Self.joiningDigits(text) : text
    }

    private static func joiningDigits(_ text: String) -> String {
        let bytes = Array(text.utf8)
        func isDigit(_ index: Int) -> Bool {
            bytes.indices.contains(index) && (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[index])
        }
        let kept = bytes.indices.filter {
            bytes[$0] != UInt8(ascii: " ") || !isDigit($0 - 1) || !isDigit($0 + 1)
        }
        return String(decoding: kept.map { bytes[$0] }, as: UTF8.self)
    }
}

/// Says which answers of a teacher are right: by the rules of generated problems, or as the tasks of questions grade.
struct AnswerJudge: Sendable {
    private let grading: AnswerGrading?

    /// - Throws: `PermissionError` where answers are programs that may not be run; what ``AnswerGrading`` throws.
    init(_ items: [DataItem], _ context: StageContext, _ data: ArtifactReference) throws {
        guard items.contains(where: { if case .task = $0 { true } else { false } }) else {
            grading = nil
            return
        }
        let file = try QuestionFile(folder: context.folder(of: data), .train)
        guard !file.runsPrograms || context.permissions.codeExecution else {
            throw PermissionError(
                "The answers of this stage are Python programs, which run with --allow-code-execution only.")
        }
        grading = try AnswerGrading(file, context.permissions)
    }

    /// Whether each answer is right; nil where nothing says what would be.
    func verdicts(
        _ answers: [(item: DataItem, response: [Int32])], _ tokens: AnswerTokens
    ) throws -> [Bool?] {
        var verdicts: [Bool?] = []
        var asked: [(text: String, item: TaskItem)] = []
        var places: [Int] = []
        for (index, answer) in answers.enumerated() {
            switch answer.item {
            case .problem(let problem):
                verdicts.append(
                    problem.accepts(
                        tokens.tokenizer.decode(
                            tokenIds: answer.response.map(Int.init), skipSpecialTokens: false)))
            case .task(let item):
                verdicts.append(nil)
                asked.append((tokens.text(answer.response), item))
                places.append(index)
            }
        }
        guard let grading, !asked.isEmpty else { return verdicts }
        for (index, grade) in zip(places, try grading.grade(asked)) where grade.isGraded {
            verdicts[index] = grade.isCorrect
        }
        return verdicts
    }
}
