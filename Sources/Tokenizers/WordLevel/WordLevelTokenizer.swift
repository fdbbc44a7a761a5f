/// A tokenizer whose tokens are whole words and single digits.
///
/// Reads and writes Hugging Face's `tokenizer.json` with the model `WordLevel`, the pre-tokenizers
/// `WhitespaceSplit` and `Digits(individual_digits: true)`, and no normalizer, post-processor or decoder.
/// Added tokens are found in the raw text before anything else, the longest first. Decoded tokens are joined by
/// one space each, so that text comes back with its words and digits apart.
public struct WordLevelTokenizer: Tokenizer {
    /// A token that is found in the raw text, even inside a word.
    struct AddedToken: Sendable, Hashable {
        let bytes: [UInt8]
        let id: Int
        /// Whether decoding can leave it out.
        let isSpecial: Bool
    }

    /// Ids by the UTF-8 bytes of the token.
    ///
    /// Swift's `String` would take é and e + U+0301 for the same key.
    let ids: [[UInt8]: Int]
    /// Tokens by id.
    let tokens: [Int: String]
    /// The added tokens, the longest first.
    let added: [AddedToken]
    /// The tokens that play a role.
    public let specialTokens: SpecialTokens
    public let cleansUpSpaces: Bool
    private let unknownId: Int
    private let specialIds: Set<Int>

    /// A tokenizer of checked parts; the vocabulary must hold all added tokens and those that play a role.
    init(
        vocabulary: [(token: String, id: Int)], added: [AddedToken], specialTokens: SpecialTokens,
        cleansUpSpaces: Bool = false
    ) {
        var ids: [[UInt8]: Int] = [:]
        var tokens: [Int: String] = [:]
        for (token, id) in vocabulary {
            ids[Array(token.utf8)] = id
            tokens[id] = token
        }
        // Who reads a file checks both and says where they don't hold.
        precondition(
            ids.count == vocabulary.count && tokens.count == vocabulary.count, "one id for each token")
        guard let unknownId = ids[Array(specialTokens.unknown.utf8)] else {
            preconditionFailure("the unknown token is in the vocabulary")
        }
        self.ids = ids
        self.tokens = tokens
        self.added = added.sorted { $0.bytes.count > $1.bytes.count }
        self.specialTokens = specialTokens
        self.cleansUpSpaces = cleansUpSpaces
        self.unknownId = unknownId
        specialIds = Set(added.filter(\.isSpecial).map(\.id))
    }

    /// Whether the other tokenizer has the same tokens with the same ids.
    public func hasSameVocabulary(as other: WordLevelTokenizer) -> Bool { ids == other.ids }

    public var vocabularySize: Int { ids.count }
    public var unknownTokenId: Int? { unknownId }
    /// Texts begin without a token of their own.
    public var bosTokenId: Int? { nil }
    public var eosTokenId: Int? { specialTokens.endOfText.flatMap(convertTokenToId) }
    public var maskTokenId: Int? { specialTokens.mask.flatMap(convertTokenToId) }
    public var padTokenId: Int? { eosTokenId }
    /// The id of the token between prompt and response.
    public var separatorTokenId: Int? { specialTokens.separator.flatMap(convertTokenToId) }

    public func convertTokenToId(_ token: String) -> Int? { ids[Array(token.utf8)] }
    public func convertIdToToken(_ id: Int) -> String? { tokens[id] }

    public func tokenize(text: String) -> [Token] {
        let bytes = Array(text.utf8)
        return WordSplitter.split(text, bytes: bytes, added: added).map { piece in
            Token(id: piece.addedId ?? ids[Array(bytes[piece.range])] ?? unknownId, range: piece.range)
        }
    }

    /// The ids of `text`.
    ///
    /// There is no template, so that `addSpecialTokens` makes no difference.
    public func encode(text: String, addSpecialTokens: Bool) -> [Int] {
        tokenize(text: text).map(\.id)
    }

    /// The ids of `text`.
    public func encode(text: String) -> [Int] { encode(text: text, addSpecialTokens: true) }

    public var tokenSeparator: String { " " }

    public func decodedBytes(of id: Int, skipSpecialTokens: Bool) -> [UInt8]? {
        skipSpecialTokens && specialIds.contains(id) ? nil : tokens[id].map { Array($0.utf8) }
    }

    public func decode(tokenIds: [Int], skipSpecialTokens: Bool) -> String {
        let text = tokenIds.compactMap { id in
            skipSpecialTokens && specialIds.contains(id) ? nil : tokens[id]
        }.joined(separator: " ")
        return cleansUpSpaces ? SpaceCleanup.text(text) : text
    }
}
