public import Base
package import Documents
internal import JSON

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
    package func exactText(of tokenIds: [Int]) -> String {
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
    package init(id: Int, range: Range<Int>) {
        self.id = id
        self.range = range
    }
}

/// The tokens with a meaning of their own, by the role that they play.
package struct SpecialTokens: Sendable, Hashable {
    /// Stands for text without a token of its own.
    package var unknown: String
    /// Stands at a position that is still to be decoded; nil for a model that doesn't mask.
    package var mask: String?
    /// Ends a text, and fills up what follows.
    package var endOfText: String?
    /// Stands between prompt and response.
    package var separator: String?

    /// Tokens for the given roles.
    package init(unknown: String, mask: String? = nil, endOfText: String? = nil, separator: String? = nil) {
        self.unknown = unknown
        self.mask = mask
        self.endOfText = endOfText
        self.separator = separator
    }

    /// The tokens of the tokenizers that are trained here.
    package static let standard = SpecialTokens(
        unknown: "<|unk|>", mask: "<|mask|>", endOfText: "<|endoftext|>", separator: "<|sep|>")

    /// The tokens that are there, in the order in which a trained vocabulary starts with them.
    package var all: [String] { [unknown] + [mask, endOfText, separator].compactMap(\.self) }
}

/// What makes a tokenizer's file unusable, and where.
public struct TokenizerError: Failure, Sendable, Hashable {
    public var failureKind: FailureKind { .inputOutput }

    /// The file, and the line and column if known, such as `tokenizer.json:7:3`.
    package let location: String
    /// The JSON path of the offending value, such as `$.pre_tokenizer.pretokenizers[1].type`.
    package let path: String
    /// What is wrong and what would be right, as a sentence.
    package let message: String

    /// An error at a place of a file.
    package init(location: String, path: String, message: String) {
        self.location = location
        self.path = path
        self.message = message
    }

    public var description: String { "\(location): at \(path): \(message)" }
}

extension TokenizerError: DocumentProblem {
    package init(_ flaw: DocumentFlaw) {
        let path =
            flaw.path.isEmpty || flaw.path.utf8.first == UInt8(ascii: "[") ? flaw.path : ".\(flaw.path)"
        self.init(
            location: flaw.origin.place, path: "$\(path)", message: flaw.message(about: "This"))
    }
}

/// Components of a `Sequence`, those in others included.
private let mostComponents = 256

/// A value of a tokenizer's file together with where it stands, for errors that say so.
typealias TokenizerField = DocumentValue<TokenizerError>

extension DocumentValue<TokenizerError> {
    init(root document: JSONDocument) { self.init(document.root, subject: document.name) }

    /// Where it stands, for errors.
    var place: (location: String, path: String) {
        let error = error("")
        return (error.location, error.path)
    }

    /// A token id: whole, not negative, and small enough for the 32 bits, one of them the sign, that sequences of
    /// tokens have.
    func tokenId() throws(TokenizerError) -> Int {
        guard let id = node.int, id >= 0, id <= Int(Int32.max) else {
            throw mismatch("a token id, a whole number from 0 to \(Int32.max)")
        }
        return id
    }

    /// The `type` of a component, such as `ByteLevel`.
    func componentType() throws(TokenizerError) -> String { try required("type").string() }

    /// An error that refuses this component by its name.
    ///
    /// - Parameters:
    ///   - kind: what it is, such as `pre-tokenizer`.
    ///   - supported: the names that can stand here.
    func unsupported(_ kind: String, supported: [String]) throws(TokenizerError) -> TokenizerError {
        let name = try componentType()
        return try required("type").error(
            "The \(kind) `\(name)` isn't supported; supported here: \(supported.joined(separator: ", ")).")
    }

    /// A component, or the components of a `Sequence`, or none.
    ///
    /// - Parameter key: the member of a `Sequence` that lists its components.
    func components(_ key: String) throws(TokenizerError) -> [TokenizerField] {
        guard try componentType() == "Sequence" else { return [self] }
        var result: [TokenizerField] = []
        for element in try required(key).elements() {
            result += try element.components(key)
            // Each goes over the whole text; those of published tokenizers have a handful.
            guard result.count <= mostComponents else {
                throw error("A `Sequence` may have up to \(mostComponents) components.")
            }
        }
        return result
    }
}
