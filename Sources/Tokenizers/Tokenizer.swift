/// Turns text into token ids and back.
///
/// Names follow swift-transformers, reduced to what models here need.
public protocol Tokenizer: Sendable {
    /// The number of different tokens, added ones included; ids may have gaps.
    var vocabularySize: Int { get }
    /// The id that stands for text without a token of its own.
    var unknownTokenId: Int? { get }
    /// The id that begins a text, if the model wants one.
    var bosTokenId: Int? { get }
    /// The id that ends a text.
    var eosTokenId: Int? { get }
    /// The id of a position that is still to be decoded.
    var maskTokenId: Int? { get }
    /// The id that fills up what follows the end of a text.
    var padTokenId: Int? { get }
    /// What stands between two decoded tokens.
    var tokenSeparator: String { get }
    /// Whether decoded text loses spaces before punctuation: `clean_up_tokenization_spaces` of tokenizer_config.json.
    var cleansUpSpaces: Bool { get }

    /// The tokens of `text` with the bytes that each of them covers.
    ///
    /// - Throws: ``TokenizerError`` when a pattern of the tokenizer's file takes too long on this text.
    func tokenize(text: String) throws(TokenizerError) -> [Token]
    /// The ids of `text`, framed by the tokenizer's own special tokens if it has a template and they are wanted.
    ///
    /// - Throws: As ``tokenize(text:)``.
    func encode(text: String, addSpecialTokens: Bool) throws(TokenizerError) -> [Int]
    /// The text of `tokenIds`, without the spaces that ``cleansUpSpaces`` takes out; ids without a token are left out.
    func decode(tokenIds: [Int], skipSpecialTokens: Bool) -> String
    /// The bytes that a token adds to decoded text; nil for one that is left out, or an id without a token.
    ///
    /// They may be a part of a character: only all bytes of a text together are UTF-8.
    func decodedBytes(of id: Int, skipSpecialTokens: Bool) -> [UInt8]?
    /// The id of exactly this token, compared byte for byte.
    func convertTokenToId(_ token: String) -> Int?
    /// The token of an id.
    func convertIdToToken(_ id: Int) -> String?
}

extension Tokenizer {
    /// The ids of `text` with the tokenizer's own special tokens.
    ///
    /// - Throws: As ``tokenize(text:)``.
    public func encode(text: String) throws(TokenizerError) -> [Int] {
        try encode(text: text, addSpecialTokens: true)
    }

    /// The text of `tokenIds`, special tokens included.
    public func decode(tokenIds: [Int]) -> String { decode(tokenIds: tokenIds, skipSpecialTokens: false) }

    /// The text of `tokenIds`, special tokens included, with all spaces that are in it.
    public func exactText(of tokenIds: [Int]) -> String {
        let parts = tokenIds.compactMap { decodedBytes(of: $0, skipSpecialTokens: false) }
        return String(decoding: Array(parts.joined(separator: tokenSeparator.utf8)), as: UTF8.self)
    }
}

/// A piece of text with its id.
public struct Token: Sendable, Hashable {
    /// The id of the piece; the unknown token's where the vocabulary lacks it.
    public let id: Int
    /// The bytes of the text's UTF-8 that the piece covers.
    public let range: Range<Int>

    /// A token that covers `range`.
    public init(id: Int, range: Range<Int>) {
        self.id = id
        self.range = range
    }
}
