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
