/// What becomes of the places where a pattern matches, under the names that a `tokenizer.json` gives them.
///
/// `the-final--countdown` at `-`, words separated by spaces:
enum SplitBehavior: String, Sendable, CaseIterable {
    /// `the final countdown`
    case removed = "Removed"
    /// `the - final - - countdown`
    case isolated = "Isolated"
    /// `the- final- - countdown`
    case mergedWithPrevious = "MergedWithPrevious"
    /// `the -final - -countdown`
    case mergedWithNext = "MergedWithNext"
    /// `the - final -- countdown`
    case contiguous = "Contiguous"

    /// The parts that are left.
    ///
    /// - Parameter parts: parts that cover a text in order, and whether each is a match.
    func pieces(of parts: [(range: Range<Int>, isMatch: Bool)]) -> [Range<Int>] {
        switch self {
        case .isolated: return parts.map(\.range)
        case .removed: return parts.filter { !$0.isMatch }.map(\.range)
        case .contiguous: return Self.joined(parts) { before, now in before == now }
        case .mergedWithPrevious: return Self.joined(parts) { before, now in now && !before }
        case .mergedWithNext:
            return Self.joined(parts.reversed()) { before, now in now && !before }.reversed()
        }
    }

    /// Joins each part with the one before it where `joins` says so; both may run towards the front.
    private static func joined(
        _ parts: [(range: Range<Int>, isMatch: Bool)], _ joins: (_ before: Bool, _ now: Bool) -> Bool
    ) -> [Range<Int>] {
        var pieces: [Range<Int>] = []
        var before = false
        for (range, isMatch) in parts {
            if let last = pieces.last, joins(before, isMatch) {
                let start = min(last.lowerBound, range.lowerBound)
                pieces[pieces.count - 1] = start..<max(last.upperBound, range.upperBound)
            } else {
                pieces.append(range)
            }
            before = isMatch
        }
        return pieces
    }
}
