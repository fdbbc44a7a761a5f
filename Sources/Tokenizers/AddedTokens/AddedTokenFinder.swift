/// Cuts text at added tokens, as Hugging Face's library does.
///
/// Where several tokens begin at the same place, the longest one is taken; what it covers isn't searched again. White
/// space that a token takes along isn't covered in this sense.
struct AddedTokenFinder: Sendable {
    /// A part of the text.
    struct Part: Equatable {
        let range: Range<Int>
        /// The token that stands there, by its number in `tokens`; nil for text between tokens.
        let token: Int?
    }

    /// The tokens that are looked for.
    let tokens: [AddedToken]
    private var trie = ByteTrie()

    /// - Parameter patterns: what stands in the text for each token: its content, normalized if need be.
    init(_ tokens: [AddedToken], patterns: [[UInt8]]) {
        self.tokens = tokens
        for (index, pattern) in patterns.enumerated() { trie.insert(pattern, index) }
    }

    /// The parts of `text`, which together cover it; nil if no token stands in it.
    func parts(of text: UnsafeBufferPointer<UInt8>) -> [Part]? {
        guard var match = trie.firstMatch(in: text, from: 0) else { return nil }
        var parts: [Part] = []
        var done = 0
        while true {
            if let range = taken(match.range, by: tokens[match.value], in: text, after: done) {
                if done < range.lowerBound { parts.append(Part(range: done..<range.lowerBound, token: nil)) }
                parts.append(Part(range: range, token: match.value))
                done = range.upperBound
            }
            guard let next = trie.firstMatch(in: text, from: match.range.upperBound) else { break }
            match = next
        }
        if parts.isEmpty { return nil }
        if done < text.count { parts.append(Part(range: done..<text.count, token: nil)) }
        return parts
    }

    /// What a token takes of the text around it; nil if it doesn't count there.
    private func taken(
        _ range: Range<Int>, by token: AddedToken, in text: UnsafeBufferPointer<UInt8>, after done: Int
    ) -> Range<Int>? {
        if token.singleWord {
            if let before = text.scalar(endingAt: range.lowerBound), before.isWordCharacter { return nil }
            if let after = text.scalar(at: range.upperBound), after.isWordCharacter { return nil }
        }
        var (start, end) = (range.lowerBound, range.upperBound)
        if token.stripsLeft {
            while let before = text.scalar(endingAt: start), before.properties.isWhitespace {
                start -= UTF8.width(before)
            }
            // The token before may have taken the space already.
            start = max(start, done)
        }
        if token.stripsRight {
            while let after = text.scalar(at: end), after.properties.isWhitespace {
                end += UTF8.width(after)
            }
        }
        // Nothing is left where the token before took all of a token that is white space itself.
        return start < end ? start..<end : nil
    }
}

extension Unicode.Scalar {
    /// Whether Rust's `\w` matches: letters, marks, decimal digits, connectors as `_`, and the two joiners.
    fileprivate var isWordCharacter: Bool {
        if properties.isAlphabetic || properties.isJoinControl { return true }
        switch properties.generalCategory {
        case .nonspacingMark, .spacingMark, .enclosingMark, .decimalNumber, .connectorPunctuation: return true
        default: return false
        }
    }
}
