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
    package let specialTokens: SpecialTokens
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
    package func hasSameVocabulary(as other: WordLevelTokenizer) -> Bool { ids == other.ids }

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

/// Cuts text into words, single digits and added tokens, as Hugging Face's `WhitespaceSplit` and `Digits` do.
enum WordSplitter {
    /// A part of the text that becomes one token.
    struct Piece: Equatable {
        let range: Range<Int>
        /// The id, if the piece is an added token.
        let addedId: Int?
    }

    /// The pieces of `text` in order; white space belongs to none.
    ///
    /// - Parameters:
    ///   - bytes: the UTF-8 of `text`.
    ///   - added: the tokens that are found in the raw text, the longest first.
    static func split(_ text: String, bytes: [UInt8], added: [WordLevelTokenizer.AddedToken]) -> [Piece] {
        let firstBytes = Set(added.compactMap(\.bytes.first))
        var pieces: [Piece] = []
        var wordStart: Int?
        var offset = 0
        var resumeAt = 0

        func endWord() {
            if let start = wordStart { pieces.append(Piece(range: start..<offset, addedId: nil)) }
            wordStart = nil
        }

        for scalar in text.unicodeScalars {
            defer { offset += UTF8.width(scalar) }
            guard offset >= resumeAt else { continue }
            if firstBytes.contains(bytes[offset]),
                let token = added.first(where: { bytes.holds($0.bytes, at: offset) })
            {
                endWord()
                resumeAt = offset + token.bytes.count
                pieces.append(Piece(range: offset..<resumeAt, addedId: token.id))
            } else if scalar.isSpace {
                endWord()
            } else if scalar.isNumeric {
                endWord()
                pieces.append(Piece(range: offset..<(offset + UTF8.width(scalar)), addedId: nil))
            } else if wordStart == nil {
                wordStart = offset
            }
        }
        endWord()
        return pieces
    }
}

extension [UInt8] {
    fileprivate func holds(_ part: [UInt8], at offset: Int) -> Bool {
        offset + part.count <= count && self[offset..<(offset + part.count)].elementsEqual(part)
    }
}

extension Unicode.Scalar {
    /// Whether Rust's `char::is_whitespace` holds: the Unicode property White_Space.
    fileprivate var isSpace: Bool {
        value < 0x80 ? value == 0x20 || (0x09...0x0D).contains(value) : properties.isWhitespace
    }

    /// Whether Rust's `char::is_numeric` holds: the general categories Nd, Nl and No.
    fileprivate var isNumeric: Bool {
        if value < 0x80 { return (0x30...0x39).contains(value) }
        switch properties.generalCategory {
        case .decimalNumber, .letterNumber, .otherNumber: return true
        default: return false
        }
    }
}

extension WordLevelTokenizer {
    /// Makes a vocabulary of the words and digits of a corpus.
    ///
    /// The special tokens come first, then the most frequent words; words that are equally frequent are ordered by
    /// their UTF-8 bytes, so that the result depends on nothing but the texts.
    /// - Parameters:
    ///   - corpus: texts; special tokens in them are recognised and not counted as words.
    ///   - vocabularyLimit: the greatest number of tokens, special ones included; nil keeps every word.
    ///   - specialTokens: the tokens with a role.
    /// - Throws: `WordLevelTrainingError` when the limit leaves no room for a word, or special tokens are empty or
    ///   equal.
    package static func train(
        on corpus: some Sequence<String>, vocabularyLimit: Int? = nil,
        specialTokens: SpecialTokens = .standard
    ) throws(WordLevelTrainingError) -> WordLevelTokenizer {
        let special = specialTokens.all
        guard special.allSatisfy({ !$0.isEmpty }), Set(special.map { Array($0.utf8) }).count == special.count
        else {
            throw .illegalSpecialTokens(special)
        }
        if let vocabularyLimit, vocabularyLimit <= special.count {
            throw .limitTooSmall(vocabularyLimit, specialTokens: special.count)
        }
        let added = special.enumerated().map {
            AddedToken(bytes: Array($0.element.utf8), id: $0.offset, isSpecial: true)
        }

        let longestFirst = added.sorted { $0.bytes.count > $1.bytes.count }
        var counts: [[UInt8]: Int] = [:]
        for text in corpus {
            let bytes = Array(text.utf8)
            for piece in WordSplitter.split(text, bytes: bytes, added: longestFirst)
            where piece.addedId == nil {
                counts[Array(bytes[piece.range]), default: 0] += 1
            }
        }

        let words = counts.sorted { a, b in
            a.value != b.value ? a.value > b.value : a.key.lexicographicallyPrecedes(b.key)
        }
        let kept = words.prefix((vocabularyLimit ?? .max) - special.count)
        let all = special + kept.map { String(decoding: $0.key, as: UTF8.self) }
        return WordLevelTokenizer(
            vocabulary: all.enumerated().map { ($0.element, $0.offset) }, added: added,
            specialTokens: specialTokens)
    }
}

/// Why a vocabulary can't be made.
package enum WordLevelTrainingError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The special tokens alone take up the vocabulary.
    case limitTooSmall(Int, specialTokens: Int)
    /// A special token is empty, or two are equal.
    case illegalSpecialTokens([String])

    package var description: String {
        switch self {
        case .limitTooSmall(let limit, let specialTokens):
            "A vocabulary of at most \(limit) tokens has no room for words beside its \(specialTokens) special "
                + "tokens: allow at least \(specialTokens + 1)."
        case .illegalSpecialTokens(let tokens):
            "The special tokens \(tokens) include an empty one or the same one twice: each role needs its own."
        }
    }
}
