internal import JSON
internal import Tokenizers

/// Whether the tokens of published trajectories are those of a model's tokenizer, told from the texts beside them.
///
/// Of the first rows the question should be found in the decoded prompt. A row may differ for other reasons, such as
/// characters that a normalizer changes; with another vocabulary hardly any agrees.
struct TokenizerAgreement {
    private static let limit = 100

    /// Rows that have a question to compare with, at most 100.
    private(set) var compared = 0
    private(set) var agreed = 0
    private var example: (question: String, prompt: String)?
    private let tokenizer: any Tokenizer

    init(_ tokenizer: any Tokenizer) { self.tokenizer = tokenizer }

    /// Compares a row, if it is one of the first.
    ///
    /// - Throws: `TokenizerError` when a pattern of the tokenizer takes too long on a question.
    mutating func compare(_ row: JSONObject, _ answer: PublishedTrajectory) throws(TokenizerError) {
        guard compared < Self.limit, let question = row["question"]?.string, !question.isEmpty else { return }
        compared += 1
        let ids = answer.prompt.map(Int.init)
        let prompt = tokenizer.exactText(of: ids)
        // Where the tokenizer loses spaces or forms of characters, the tokens themselves may still be the same.
        var isSame = prompt.contains(question)
        for framed in [false, true] where !isSame {
            isSame = try tokenizer.encode(text: question, addSpecialTokens: framed) == ids
        }
        if isSame { agreed += 1 } else if example == nil { example = (question, prompt) }
    }

    /// - Throws: ``DataError`` where fewer than half of the rows agree.
    func check(files: String, model: String) throws(DataError) {
        guard agreed * 2 < compared, let example else { return }
        func beginning(_ text: String) -> String { text.count > 80 ? "\(text.prefix(80))…" : text }
        throw DataError(
            description:
                "The tokens of \(files) aren't those of \(model): of \(compared) prompts \(agreed) hold their question when its tokenizer decodes them. The first that doesn't is \"\(beginning(example.prompt))\" for \"\(beginning(example.question))\". Name the model whose tokenizer made the trajectories."
        )
    }
}
