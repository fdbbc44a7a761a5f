/// Suggestions for misspelt names.
enum NearestName {
    /// The name with the smallest edit distance to `name`, if that is at most a third of its length.
    static func of(_ name: String, in names: [String]) -> String? {
        let ranked = names.map { (distance($0, name), $0) }.min { $0.0 < $1.0 }
        guard let (distance, nearest) = ranked, distance * 3 <= max(name.count, 3) else { return nil }
        return nearest
    }

    /// Levenshtein distance.
    static func distance(_ a: String, _ b: String) -> Int {
        let b = Array(b)
        var row = Array(0...b.count)
        for (i, x) in a.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, y) in b.enumerated() {
                let substitution = diagonal + (x == y ? 0 : 1)
                diagonal = row[j + 1]
                row[j + 1] = min(substitution, row[j] + 1, row[j + 1] + 1)
            }
        }
        return row[b.count]
    }
}
