internal import Evaluation
internal import Recipes
internal import Runs
internal import Tokenizers

/// What turns the tokens of an answer into the text that is graded.
struct AnswerTokens: Sendable {
    let tokenizer: any Tokenizer
    /// The tokens that end a text; none where the model has none.
    let ends: Set<Int32>

    /// The text of an answer to a question of a task: what stands before the first end token.
    ///
    /// Digits that stand apart only because each is a token are put together again.
    func text(_ response: [Int32]) -> String {
        let text = tokenizer.decode(
            tokenIds: response.prefix { !ends.contains($0) }.map(Int.init), skipSpecialTokens: true)
        return tokenizer is WordLevelTokenizer ? Self.joiningDigits(text) : text
    }

    /// The text of an answer to a generated problem, as its grader reads one: with the end of text as a word.
    ///
    /// Words are joined as they are, what stands behind the end too; of other tokens only what stands before it is text.
    func problemText(_ response: [Int32]) -> String {
        guard !(tokenizer is WordLevelTokenizer) else {
            return tokenizer.decode(tokenIds: response.map(Int.init), skipSpecialTokens: false)
        }
        let hasEnd = response.contains(where: ends.contains)
        return text(response) + (hasEnd ? " " + Grader().endOfText : "")
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

    /// - Parameter file: what grades answers to questions of tasks; nil for generated problems.
    /// - Throws: `PermissionError` where answers are programs that may not be run; what ``AnswerGrading`` throws.
    init(_ file: QuestionFile?, _ permissions: Permissions) throws {
        guard let file else {
            grading = nil
            return
        }
        guard !file.runsPrograms || permissions.codeExecution else {
            throw PermissionError(
                "The answers of this stage are Python programs, which run with --allow-code-execution only.")
        }
        grading = try AnswerGrading(file, permissions)
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
                verdicts.append(problem.accepts(tokens.problemText(answer.response)))
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
