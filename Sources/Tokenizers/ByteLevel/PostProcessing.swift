/// What a template puts around a text.
struct SpecialTokenTemplate: Sendable, Hashable {
    /// A part of the result.
    enum Piece: Sendable, Hashable {
        /// The tokens of the text.
        case text
        /// Special tokens.
        case special([Int])
    }

    let pieces: [Piece]

    /// How often templates may repeat a text, all together; those of published tokenizers have it once.
    static let mostTexts = 16
    /// How many special tokens they may put around it; those of published tokenizers have up to five.
    static let mostSpecial = 1024

    /// How often a text is there, and how many special tokens.
    typealias Growth = (texts: Int, special: Int)

    /// What this template makes of what those before it made.
    func growth(of before: Growth) -> Growth {
        var own: Growth = (0, 0)
        for piece in pieces {
            switch piece {
            case .text: own.texts += 1
            case .special(let ids): own.special += ids.count
            }
        }
        return (before.texts * own.texts, before.special * own.texts + own.special)
    }

    /// The ids of a text, framed; without special tokens only the text, as often as the template names it.
    func apply(to ids: [Int], addSpecialTokens: Bool) -> [Int] {
        var result: [Int] = []
        result.reserveCapacity(ids.count + pieces.count)
        for piece in pieces {
            switch piece {
            case .text: result += ids
            case .special(let special): if addSpecialTokens { result += special }
            }
        }
        return result
    }
}

/// Takes white space out of the ranges of tokens, as the post-processor `ByteLevel` with `trim_offsets` does.
struct RangeTrim: Sendable, Hashable {
    /// Whether a single space before the first token counts as put there by the tokenizer, and isn't taken out.
    let addsPrefixSpace: Bool

    /// The range of a token without the white space that the token begins and ends with.
    func trimmed(
        _ token: ByteLevelTokenizer.Found, isFirst: Bool, in text: UnsafeBufferPointer<UInt8>,
        _ vocabulary: Vocabulary
    ) -> Range<Int> {
        var (leading, trailing) = Self.spaces(of: token, vocabulary)
        guard leading > 0 || trailing > 0 else { return token.range }
        var (start, end) = (token.range.lowerBound, token.range.upperBound)
        if addsPrefixSpace, leading == 1, isFirst || start == 0 { leading = 0 }
        for _ in 0..<leading where start < end {
            start += 1
            while start < end, !text.isScalarBoundary(start) { start += 1 }
        }
        if Self.hasScalars(trailing, before: end, in: text) {
            for _ in 0..<trailing where end > start {
                end -= 1
                while end > start, !text.isScalarBoundary(end) { end -= 1 }
            }
        }
        return start..<end
    }

    /// How many scalars of white space a token begins and ends with.
    private static func spaces(
        of token: ByteLevelTokenizer.Found, _ vocabulary: Vocabulary
    ) -> (leading: Int, trailing: Int) {
        if let taken = token.added?.unicodeScalars {
            func isSpace(_ scalar: Unicode.Scalar) -> Bool {
                scalar.properties.isWhitespace || scalar == ByteAlphabet.scalars[0x20]
            }
            return (taken.prefix(while: isSpace).count, taken.reversed().prefix(while: isSpace).count)
        }
        // In the byte alphabet only the space's own character is white space.
        guard let bytes = vocabulary.bytes(of: token.id) else { return (0, 0) }
        return (bytes.prefix { $0 == 0x20 }.count, bytes.reversed().prefix { $0 == 0x20 }.count)
    }

    /// Whether at least `count` scalars stand before `end`.
    private static func hasScalars(
        _ count: Int, before end: Int, in text: UnsafeBufferPointer<UInt8>
    ) -> Bool {
        var (place, left) = (end, count)
        while place > 0, left > 0 {
            place -= 1
            if text.isScalarBoundary(place) { left -= 1 }
        }
        return left == 0
    }
}
