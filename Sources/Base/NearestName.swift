/// Suggestions for names that nobody knows.
package enum NearestName {
    /// A sentence that names the candidate most like `name`, or lists them all when none is alike.
    package static func hint(for name: String, among candidates: [String], what: String) -> String? {
        if let best = nearest(to: name, among: candidates) { return "Did you mean \"\(best)\"?" }
        guard !candidates.isEmpty, candidates.count <= 40 else { return nil }
        return "\(what): \(candidates.joined(separator: ", "))."
    }

    /// The candidate with the smallest edit distance, if that is small enough to be a slip.
    package static func nearest(to name: String, among candidates: [String]) -> String? {
        // A person types no more; from elsewhere a name may be as long as it wants.
        guard name.utf8.count <= 200 else { return nil }
        let folded = fold(name)
        var best: (name: String, edits: Int)?
        for candidate in candidates.prefix(2000) where candidate.utf8.count <= 200 {
            let other = fold(candidate)
            // Each character more is an edit.
            let least = abs(folded.count - other.count)
            guard least < best?.edits ?? .max else { continue }
            let edits = distance(folded, other)
            if edits < best?.edits ?? .max { best = (candidate, edits) }
        }
        guard let best else { return nil }
        return best.edits <= max(1, min(name.count, best.name.count) / 3) ? best.name : nil
    }

    /// `block_length`, `blockLength` and `BlockLength` are the same name to a person who mistypes it.
    private static func fold(_ name: String) -> [Character] {
        // by Character: what a person typed
        Array(name.lowercased().filter { $0 != "_" && $0 != "-" })
    }

    /// Edits that turn `a` into `b`: insert, remove, replace, or swap of two neighbours.
    package static func distance(_ a: [Character], _ b: [Character]) -> Int {
        var beforeLast: [Int] = []
        var last = Array(0...b.count)
        for i in a.indices {
            var row = [i + 1]
            for j in b.indices {
                var best = min(last[j] + (a[i] == b[j] ? 0 : 1), last[j + 1] + 1, row[j] + 1)
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] {
                    best = min(best, beforeLast[j - 1] + 1)
                }
                row.append(best)
            }
            (beforeLast, last) = (last, row)
        }
        return last[b.count]
    }
}
