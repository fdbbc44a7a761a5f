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
    public static func train(
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
public enum WordLevelTrainingError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The special tokens alone take up the vocabulary.
    case limitTooSmall(Int, specialTokens: Int)
    /// A special token is empty, or two are equal.
    case illegalSpecialTokens([String])

    public var description: String {
        switch self {
        case .limitTooSmall(let limit, let specialTokens):
            "A vocabulary of at most \(limit) tokens has no room for words beside its \(specialTokens) special "
                + "tokens: allow at least \(specialTokens + 1)."
        case .illegalSpecialTokens(let tokens):
            "The special tokens \(tokens) include an empty one or the same one twice: each role needs its own."
        }
    }
}
