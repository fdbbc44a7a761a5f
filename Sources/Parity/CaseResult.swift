/// How one golden case ended.
struct CaseResult {
    let id: String
    /// What differs first, or `nil` when the case passes.
    let failure: String?
}

/// Comparisons of numbers against golden values.
enum Compare {
    /// `nil` when all differences are at most `tolerance`; otherwise the largest one and where it is.
    static func elements(
        _ name: String, _ found: [Float], _ expected: [Float], tolerance: Double
    ) -> String? {
        guard found.count == expected.count else {
            return "\(name): \(found.count) elements instead of \(expected.count)"
        }
        var worst = (index: 0, difference: 0.0)
        for (i, (a, b)) in zip(found, expected).enumerated() {
            let difference = abs(Double(a) - Double(b))
            if !(difference <= worst.difference) { worst = (i, difference) }
        }
        if worst.difference <= tolerance { return nil }
        return "\(name): element \(worst.index) is \(found[worst.index]), expected \(expected[worst.index]) "
            + "(difference \(worst.difference), tolerance \(tolerance))"
    }

    /// `nil` when `found` is within `absolute + relative · |expected|` of `expected`.
    static func number(
        _ name: String, _ found: Double, _ expected: Double, absolute: Double, relative: Double = 0
    ) -> String? {
        let allowed = absolute + relative * abs(expected)
        if abs(found - expected) <= allowed { return nil }
        return "\(name) is \(found), expected \(expected) (tolerance \(allowed))"
    }
}
