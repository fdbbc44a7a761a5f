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

    /// What templates make of a text, one after the other: how often it is there, and with how many special tokens.
    ///
    /// Counting ends where a number is too large. Each template by itself is within the bounds, so that nothing overflows.
    static func growth(_ templates: [SpecialTokenTemplate]) -> (texts: Int, special: Int) {
        var (texts, special) = (1, 0)
        for template in templates where texts <= mostTexts && special <= mostSpecial {
            var (ownTexts, ownSpecial) = (0, 0)
            for piece in template.pieces {
                switch piece {
                case .text: ownTexts += 1
                case .special(let ids): ownSpecial += ids.count
                }
            }
            special = special * ownTexts + ownSpecial
            texts *= ownTexts
        }
        return (texts, special)
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
