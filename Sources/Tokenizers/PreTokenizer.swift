/// Cuts text into the words that are encoded one by one.
struct PreTokenizer: Sendable {
    /// One step; each works on the pieces that the step before left.
    enum Step: Sendable {
        /// Cuts a piece where a pattern matches; `inverted` takes what lies between matches for the matches.
        case split(SplitPattern, SplitBehavior, inverted: Bool)
        /// Puts a space before a piece that doesn't begin with one.
        case prefixSpace
    }

    let steps: [Step]

    /// GPT-2's pattern, which byte-level pre-tokenizers use unless they are told not to.
    static let standardPattern =
        #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#

    /// The words of a piece of `source`, in order.
    ///
    /// - Parameters:
    ///   - text: the bytes of the piece; not empty.
    ///   - start: where it begins in `source`.
    ///   - use: gets each word with its bytes, where it begins, and the text that this place is in.
    func words(
        in text: UnsafeBufferPointer<UInt8>, at start: Int, of source: TextSource, _ region: MatchRegion,
        step: Int = 0, _ use: (UnsafeBufferPointer<UInt8>, Int, TextSource) -> Void
    ) {
        guard step < steps.count else { return use(text, start, source) }
        switch steps[step] {
        case .prefixSpace:
            guard text[0] != UInt8(ascii: " ") else {
                return words(in: text, at: start, of: source, region, step: step + 1, use)
            }
            source.prefixingSpace(to: start..<(start + text.count)) { prefixed in
                words(in: prefixed.text, at: 0, of: prefixed, region, step: step + 1, use)
            }
        case .split(let pattern, let behavior, let inverted):
            let isLast = step + 1 == steps.count
            func piece(_ range: Range<Int>) {
                guard !range.isEmpty else { return }
                let part = UnsafeBufferPointer(rebasing: text[range])
                // Most tokenizers have one split, so that this is where nearly all words come from.
                if isLast { return use(part, start + range.lowerBound, source) }
                words(in: part, at: start + range.lowerBound, of: source, region, step: step + 1, use)
            }
            if behavior == .isolated {
                pattern.forEachPart(of: text, region) { range, _ in piece(range) }
            } else {
                var parts: [(range: Range<Int>, isMatch: Bool)] = []
                pattern.forEachPart(of: text, region) { parts.append(($0, $1 != inverted)) }
                for range in behavior.pieces(of: parts) { piece(range) }
            }
        }
    }
}

extension SplitPattern {
    /// Calls `body` with the matches and what lies between them, in order.
    ///
    /// Matches may be empty, parts between them aren't.
    fileprivate func forEachPart(
        of text: UnsafeBufferPointer<UInt8>, _ region: MatchRegion,
        _ body: (_ range: Range<Int>, _ isMatch: Bool) -> Void
    ) {
        var done = 0
        var start = 0
        var last: Int?
        while start <= text.count, let match = firstMatch(in: text, from: start, region) {
            if match.isEmpty, last == match.lowerBound {
                // An empty match right behind a match doesn't count; the search goes on behind the next scalar.
                start += 1
                while !text.isScalarBoundary(start) { start += 1 }
                continue
            }
            if done < match.lowerBound { body(done..<match.lowerBound, false) }
            body(match, true)
            done = match.upperBound
            start = match.upperBound
            last = match.upperBound
        }
        if done < text.count { body(done..<text.count, false) }
    }
}

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
