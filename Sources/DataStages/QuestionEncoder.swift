internal import Base
package import ChatTemplates
package import Evaluation
internal import StageBasics
internal import SystemPackage
package import Tokenizers
package import Transformers

/// How questions become the text and the tokens that one model sees: its chat template exactly once.
///
/// | form of the prompt | text | special tokens of the tokenizer |
/// |---|---|---|
/// | plain | as it is | added |
/// | chat | in the template | added as well, as upstream's harness gives templates to the tokenizer |
/// | model, with a template | in the template | those of the template only |
/// | model, made here with words as tokens | with the separator behind it, as generated problems | none |
/// | model, without a template | with a line feed behind it | added |
/// | twice | the template around the template's text | those of the template only |
package struct QuestionEncoder: Sendable {
    let tokenizer: any Tokenizer
    private let files: TokenizerFiles?
    /// What messages call the model.
    private let name: String
    /// Positions and tokens of the model; nil where only its tokenizer is known.
    private let limits: (positions: Int, vocabulary: Int)?
    /// Begins what has no question.
    private let start: Int32?

    /// The encoder of a checkpoint's folder.
    package init(_ files: TokenizerFiles, _ configuration: TransformerConfiguration, name: String) {
        self.files = files
        self.name = name
        tokenizer = files.tokenizer
        limits = (configuration.maximumPositions, configuration.vocabulary)
        start = (tokenizer.bosTokenId ?? tokenizer.eosTokenId).map(Int32.init) ?? configuration.endToken
    }

    /// The encoder of a tokenizer made here, whose model isn't there yet.
    package init(_ words: WordLevelTokenizer) {
        tokenizer = words
        files = nil
        name = "the tokenizer"
        limits = nil
        start = words.eosTokenId.map(Int32.init)
    }

    private var words: WordLevelTokenizer? { tokenizer as? WordLevelTokenizer }
    private var hasTemplate: Bool { files?.hasChatTemplate ?? false }

    /// The text that the model gets to see.
    ///
    /// What the answer starts with stands behind the template's beginning of an answer: the message stays open.
    /// - Throws: `ChatTemplateError`, also for a chat without a template.
    package func text(_ prompt: TaskPrompt) throws(ChatTemplateError) -> String {
        switch prompt.form {
        case .plain: return prompt.text
        case .chat: return try chat(prompt, prompt.text)
        case .twice: return try chat(prompt, try chat(prompt, prompt.text))
        case .model:
            if hasTemplate { return try chat(prompt, prompt.text) }
            let said = (prompt.turns.map(\.content) + [prompt.text]).joined(separator: "\n")
            if let words { return Self.separated(said, words) }
            return said.isEmpty ? "" : said + "\n"
        }
    }

    private func chat(_ prompt: TaskPrompt, _ text: String) throws(ChatTemplateError) -> String {
        guard let files else {
            throw ChatTemplateError(
                location: "tokenizer.json", message: "A tokenizer of words has no chat template.")
        }
        let turns = prompt.turns.map { ChatMessage(role: $0.role, content: $0.content) }
        return try files.applyChatTemplate(to: turns + [ChatMessage(role: "user", content: text)])
            + prompt.answerPrefix
    }

    private static func separated(_ text: String, _ words: WordLevelTokenizer) -> String {
        let separator = words.specialTokens.separator ?? ""
        return text.isEmpty ? separator : separator.isEmpty ? text : "\(text) \(separator)"
    }

    /// The tokens of a prompt.
    ///
    /// - Throws: As ``text(_:)``; `TokenizerError` when a pattern of the tokenizer takes too long on the text.
    package func tokens(_ prompt: TaskPrompt) throws -> [Int32] {
        let isFramed =
            switch prompt.form {
            case .plain, .chat: true
            case .model: !hasTemplate && words == nil
            case .twice: false
            }
        let ids = try tokenizer.encode(text: text(prompt), addSpecialTokens: isFramed).map(Int32.init)
        // What a model goes on with needs something to stand behind.
        return ids.isEmpty ? start.map { [$0] } ?? [] : ids
    }

    /// The tokens of a question.
    ///
    /// - Parameter room: Tokens that have to fit behind it.
    /// - Throws: ``DataError`` that names the question where the template fails, where the model has too few positions,
    ///   and for tokens that it doesn't know; `TokenizerError`.
    package func prompt(_ item: DataItem, room: Int) throws -> [Int32] {
        try prompt(item, behind: nil, room: room)
    }

    /// The tokens of a question for a reader that has its reference answer before it (TAD).
    ///
    /// In a conversation the answer is a message of the system; elsewhere it stands in front of the question. A model whose
    /// tokens are words reads the worked answer and nothing about it, since it knows no other words.
    /// - Parameters:
    ///   - answer: The answer's text; an empty one leaves the message without an answer.
    ///   - room: As for ``prompt(_:room:)``.
    /// - Throws: As ``prompt(_:room:)``.
    package func prompt(_ item: DataItem, reading answer: String, room: Int) throws -> [Int32] {
        try prompt(item, behind: answer, room: room)
    }

    /// A prompt with a reference answer before it.
    private func prompt(_ prompt: TaskPrompt, behind answer: String) -> TaskPrompt {
        let said = "Reference Answer: \(answer)"
        let isPlain = prompt.form == .plain || prompt.form == .model && !hasTemplate
        return TaskPrompt(
            form: prompt.form, text: isPlain ? "\(said)\n\n\(prompt.text)" : prompt.text,
            answerPrefix: prompt.answerPrefix,
            turns: (isPlain ? [] : [.init(role: "system", content: said)]) + prompt.turns)
    }

    private func prompt(_ item: DataItem, behind answer: String?, room: Int) throws -> [Int32] {
        func tokens(_ given: TaskPrompt) throws -> [Int32] {
            try self.tokens(answer.map { prompt(given, behind: $0) } ?? given)
        }
        let ids: [Int32]
        do {
            ids =
                switch item {
                case .problem(let problem):
                    if let words {
                        words.ids(answer ?? "") + words.ids(problem.prompt())
                    } else {
                        try tokens(TaskPrompt(form: .model, text: problem.question))
                    }
                case .task(let task): try tokens(task.prompt)
                }
        } catch let error as ChatTemplateError {
            throw DataError(
                description:
                    "\(item.place): the chat template of \(name) fails: \(error) Correct the template or the record, or choose \"template\": \"plain\"."
            )
        }
        try check(ids, of: item, room: room, "question")
        return ids
    }

    /// The tokens of a worked answer, without an end token; nil where there is none.
    ///
    /// - Throws: As ``prompt(_:room:)``.
    package func response(_ item: DataItem) throws -> [Int32]? {
        guard var text = item.solution else { return nil }
        if case .task(let task) = item, task.prompt.form == .plain, let last = task.prompt.text.utf8.last,
            ![0x20, 0x0A].contains(last)
        {
            // As examples stand in a prompt: behind a space.
            text = " " + text
        }
        let ids = try tokenizer.encode(text: text, addSpecialTokens: false).map(Int32.init)
        try check(ids, of: item, room: 0, "response")
        return ids
    }

    private func check(_ ids: [Int32], of item: DataItem, room: Int, _ what: String) throws(DataError) {
        guard !ids.isEmpty else {
            throw DataError(
                description: "\(item.place): the \(what) gives no token. Give it some text, or take it out.")
        }
        guard let limits else { return }
        if let stranger = ids.first(where: { $0 < 0 || Int($0) >= limits.vocabulary }) {
            throw DataError(
                description:
                    "\(item.place): the \(what) has the token \(stranger), but \(name) knows tokens 0 to \(limits.vocabulary - 1) only: the tokenizer isn't the model's. Take the folder that both come from."
            )
        }
        guard ids.count + room <= limits.positions else {
            throw DataError(
                description:
                    "\(item.place): the \(what) has \(ids.count) tokens\(room > 0 ? " and \(room) have to fit behind it" : ""), but \(name) has \(limits.positions) positions. Shorten it, take it out, or generate fewer tokens."
            )
        }
    }
}

extension WordLevelTokenizer {
    /// Token ids as the models take them.
    package func ids(_ text: String) -> [Int32] {
        encode(text: text, addSpecialTokens: false).map(Int32.init)
    }
}
