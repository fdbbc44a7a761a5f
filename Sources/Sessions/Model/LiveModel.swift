package import SystemPackage
package import Tokenizers
package import Transformers

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
    package var isAutoregressive: Bool { transformer.configuration.attention == .causal }

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
