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
