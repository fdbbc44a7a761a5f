internal import Base
package import ChatTemplates
internal import JSON
package import SystemPackage
package import Tokenizers
package import Transformers

/// A text as a model gets it.
package struct LivePrompt: Sendable, Hashable {
    /// What was asked, for display.
    package let text: String
    /// The tokens that the model sees.
    package let tokens: [Int32]
    /// What people should know of how the text was taken, in full sentences.
    package let notes: [String]

    /// A prompt of these tokens.
    package init(text: String, tokens: [Int32], notes: [String] = []) {
        self.text = text
        self.tokens = tokens
        self.notes = notes
    }
}

extension LiveModel {
    /// The prompt that one question makes; a chat template that asks for today's date gets it.
    ///
    /// - Parameter isExact: whether the question is one of a data set, whose spacing is that of the training data.
    /// - Throws: ``SessionError`` for an empty question, and where no token comes of it; `ChatTemplateError`,
    ///   `TokenizerError`.
    package func prompt(_ question: String, isExact: Bool = false) throws -> LivePrompt {
        guard question.unicodeScalars.contains(where: { !$0.properties.isWhitespace }) else {
            throw SessionError(.invalidPrompt, "The prompt is empty. Give some text.")
        }
        switch manner {
        case .conversation:
            let message = ChatMessage(role: "user", content: question)
            return try prompt(files.encodeChat([message], date: .now()), shown: question)
        case .wordProblems: return try wordProblem(question, isExact: isExact)
        case .continuation: return try prompt(raw: question)
        }
    }

    /// The prompt that is this text and nothing else, with the special tokens that the tokenizer frames any text with.
    ///
    /// - Throws: ``SessionError`` where no token comes of it; `TokenizerError`.
    package func prompt(raw text: String) throws -> LivePrompt {
        try prompt(tokenizer.encode(text: text, addSpecialTokens: true), shown: text)
    }

    /// The prompt that is these tokens.
    ///
    /// - Throws: ``SessionError`` where there is none, or one that the model doesn't know.
    package func prompt(tokens: [Int]) throws(SessionError) -> LivePrompt {
        let vocabulary = transformer.configuration.vocabulary
        if let wrong = tokens.first(where: { !(0..<vocabulary).contains($0) }) {
            throw SessionError(
                .invalidPrompt,
                "The prompt has token \(wrong), but the model knows tokens 0 to \(vocabulary - 1) only.")
        }
        return try prompt(tokens, shown: tokenizer.decode(tokenIds: tokens))
    }

    /// The prompt that a conversation makes, through the model's chat template.
    ///
    /// A model without one is given the last message of the user alone, with a note that says so.
    /// - Throws: ``SessionError`` when there is nothing to answer, and where no token comes of it; `ChatTemplateError`,
    ///   `TokenizerError`.
    package func prompt(_ messages: [ChatMessage]) throws -> LivePrompt {
        let last = messages.last { $0.members["role"]?.string == "user" }?.members["content"]?.string
        guard manner != .conversation else {
            return try prompt(files.encodeChat(messages, date: .now()), shown: last ?? "")
        }
        guard let last else {
            throw SessionError(.invalidPrompt, "There is no message of the user to answer.")
        }
        let prompt = try prompt(last)
        guard messages.count > 1 else { return prompt }
        let note = "The model saw the last message only: it has no chat template."
        return LivePrompt(text: prompt.text, tokens: prompt.tokens, notes: prompt.notes + [note])
    }

    private func prompt(_ ids: [Int], shown: String, notes: [String] = []) throws(SessionError) -> LivePrompt
    {
        guard !ids.isEmpty else {
            throw SessionError(.invalidPrompt, "The prompt has no tokens. Give some text.")
        }
        return LivePrompt(text: shown, tokens: ids.map { Int32($0) }, notes: notes)
    }

    /// A question with the token behind which the model answers.
    private func wordProblem(_ question: String, isExact: Bool) throws -> LivePrompt {
        // The text is the user's: nothing in it should count as a token with a meaning of its own.
        let text = isExact ? question : Self.spaced(question.byteText.replacing("<|", with: "< |").text)
        let separator = (tokenizer as? WordLevelTokenizer)?.specialTokens.separator ?? ""
        let ids = try tokenizer.encode(text: "\(text) \(separator)", addSpecialTokens: false)
        var unknown: [String] = []
        let bytes = Array(text.utf8)
        for token in try tokenizer.tokenize(text: text) where token.id == tokenizer.unknownTokenId {
            let word = String(decoding: bytes[token.range], as: UTF8.self)
            if !unknown.contains(word) { unknown.append(word) }
        }
        let words = unknown.prefix(12).map { "\"\($0)\"" }.joined(separator: ", ")
        let notes =
            unknown.isEmpty
            ? [] : ["The model doesn't know \(words)\(unknown.count > 12 ? " and others" : "")."]
        return try prompt(ids, shown: text, notes: notes)
    }

    /// The text with spaces around punctuation, as generated problems have it.
    private static func spaced(_ text: String) -> String {
        let parted = text.unicodeScalars.map { ".,?!:;".unicodeScalars.contains($0) ? " \($0) " : String($0) }
        let words = parted.joined().unicodeScalars.split(whereSeparator: \.properties.isWhitespace)
        return words.map { String($0) }.joined(separator: " ")
    }

    /// An example of what the model can answer; nil for one that can be asked anything.
    package var example: String? {
        guard manner == .wordProblems else { return nil }
        return
            "Clara owns 10 coins . On Friday she gets 7 from Anna . On Saturday she sells 2 coins . "
            + "How many coins does she have ?"
    }
}

/// A model with its tokenizer, ready to decode what people type.
package struct LiveModel: Sendable {
    /// What a model can do with a text.
    package enum Manner: Sendable, Hashable {
        /// Holds a conversation: the checkpoint has a chat template.
        case conversation
        /// Answers word problems of the generated kind and nothing else: a model that was trained here.
        case wordProblems
        /// Goes on with a text: a checkpoint without a chat template.
        case continuation
    }

    /// What people call it: the last part of its folder's name.
    package let name: String
    /// Where it was read from.
    package let folder: FilePath
    package let transformer: Transformer
    /// The tokenizer and, with it, the chat template.
    package let files: TokenizerFiles
    /// The token that stands for "not decoded yet"; some other token where there is none.
    package let maskToken: Int32
    /// Whether the model has a mask token, so that methods that unmask can decode it.
    package let hasMaskToken: Bool
    /// The token that ends a response; nil where the model has none.
    package let endToken: Int32?
    /// Other tokens that end a response.
    package let furtherEndTokens: [Int32]
    /// What generation_config.json asks of repeated tokens; 1 for nothing.
    package let repetitionPenalty: Double
    package let manner: Manner

    /// Whether a token ends a response.
    package func isEnd(_ token: Int32) -> Bool { token == endToken || furtherEndTokens.contains(token) }

    /// The tokenizer.
    package var tokenizer: any Tokenizer { files.tokenizer }

    /// Whether the model is autoregressive, so that only the method of that name decodes it as it was trained.
    package var isAutoregressive: Bool { attention == .causal }

    /// Which tokens see which.
    package var attention: AttentionPattern { transformer.configuration.attention }

    /// What people should know before they expect too much, in full sentences; nil for a model that chats.
    package var caveat: String? {
        switch manner {
        case .conversation: nil
        case .wordProblems:
            """
            \(name) is a small model that was trained from scratch on generated word problems. It can only answer \
            such problems, knows \(tokenizer.vocabularySize) words, and forgets what was said before.
            """
        case .continuation:
            """
            \(name) has no chat template, so that it can't hold a conversation: it goes on with the text that it is \
            given, and each text stands alone. Use an instruct checkpoint to chat.
            """
        }
    }
}
