public import SystemPackage
public import Tokenizers
public import Transformers

/// A model with its tokenizer, ready to decode what people type.
public struct LiveModel: Sendable {
    /// What a model can do with a text.
    public enum Manner: Sendable, Hashable {
        /// Holds a conversation: the checkpoint has a chat template.
        case conversation
        /// Answers word problems of the generated kind and nothing else: a model that was trained here.
        case wordProblems
        /// Goes on with a text: a checkpoint without a chat template.
        case continuation
    }

    /// What people call it: the last part of its folder's name.
    public let name: String
    /// Where it was read from.
    public let folder: FilePath
    public let transformer: Transformer
    /// The tokenizer and, with it, the chat template.
    public let files: TokenizerFiles
    /// The token that stands for "not decoded yet"; some other token where there is none.
    public let maskToken: Int32
    /// Whether the model has a mask token, so that methods that unmask can decode it.
    public let hasMaskToken: Bool
    /// The token that ends a response; nil where the model has none.
    public let endToken: Int32?
    public let manner: Manner

    /// The tokenizer.
    public var tokenizer: any Tokenizer { files.tokenizer }

    /// Whether the model is autoregressive, so that only the method of that name decodes it as it was trained.
    public var isAutoregressive: Bool { transformer.configuration.attention == .causal }

    /// What people should know before they expect too much, in full sentences; nil for a model that chats.
    public var caveat: String? {
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
