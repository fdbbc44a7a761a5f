/// The tokens with a meaning of their own, by the role that they play.
public struct SpecialTokens: Sendable, Hashable {
    /// Stands for text without a token of its own.
    public var unknown: String
    /// Stands at a position that is still to be decoded; nil for a model that doesn't mask.
    public var mask: String?
    /// Ends a text, and fills up what follows.
    public var endOfText: String?
    /// Stands between prompt and response.
    public var separator: String?

    /// Tokens for the given roles.
    public init(unknown: String, mask: String? = nil, endOfText: String? = nil, separator: String? = nil) {
        self.unknown = unknown
        self.mask = mask
        self.endOfText = endOfText
        self.separator = separator
    }

    /// The tokens of the tokenizers that are trained here.
    public static let standard = SpecialTokens(
        unknown: "<|unk|>", mask: "<|mask|>", endOfText: "<|endoftext|>", separator: "<|sep|>")

    /// The tokens that are there, in the order in which a trained vocabulary starts with them.
    public var all: [String] { [unknown] + [mask, endOfText, separator].compactMap(\.self) }
}
