/// The comparison of MATH answers by their spelling (hendrycks_math of lm-evaluation-harness).
package enum HendrycksMath {
    /// Whether two answers are spelled the same after ``strip(_:)``, or as they are where that raises.
    package static func isEquivalent(_ a: String?, _ b: String?) -> Bool {
        isEquivalent(a.map { CodePoints($0) }, b.map { CodePoints($0) })
    }

    static func isEquivalent(_ a: CodePoints?, _ b: CodePoints?) -> Bool {
        guard let a, let b else { return a == nil && b == nil }
        guard let strippedA = try? strip(a), let strippedB = try? strip(b) else { return a == b }
        return strippedA == strippedB
    }

    /// Whether a response has the answer of a solution: the text between its first and last dollar sign, or all of it.
    ///
    /// - Throws: what ``Boxed/content(of:)`` throws for a solution without a boxed answer.
    package static func isCorrect(_ response: String, solution: String) throws(UpstreamException) -> Bool {
        let text = CodePoints(response)
        var answer = text
        if let first = text.scalars.firstIndex(of: "$"), let last = text.scalars.lastIndex(of: "$"),
            first < last
        {
            answer = text[(first + 1)..<last]
        }
        let right = try Boxed.content(of: Boxed.lastExpression(in: CodePoints(solution)))
        return isEquivalent(answer, right)
    }

    /// An answer without units, spaces and other matters of style.
    ///
    /// - Throws: `IndexError` after `\frac` or `\sqrt` at the end of something, `AssertionError` for two units,
    ///   `ValueError` for a single slash between other things than whole numbers.
    package static func strip(_ answer: String) throws(UpstreamException) -> String {
        try strip(CodePoints(answer)).string
    }

    static func strip(_ answer: CodePoints) throws(UpstreamException) -> CodePoints {
        var text = answer
        for (before, after) in [
            ("\n", ""), (#"\!"#, ""), (#"\\"#, #"\"#), ("tfrac", "frac"), ("dfrac", "frac"), (#"\left"#, ""),
            (#"\right"#, ""), (#"^{\circ}"#, ""), (#"^\circ"#, ""), (#"\$"#, ""),
        ] {
            text = text.replacing(CodePoints(before), with: CodePoints(after))
        }
        text = try removingUnit(text).removing(#"\%"#)
        text = text.replacing(" .", with: " 0.").replacing("{.", with: "{0.")
        guard let first = text.scalars.first else { return text }
        if first == "." { text = "0" + text }
        // "x = 5" says 5; longer names on the left are taken for part of the answer.
        let sides = text.split(by: "=")
        if sides.count == 2, sides[0].count <= 2 { text = sides[1] }
        text = try bracingRoots(text).removing(" ")
        text = try bracingFractions(text)
        if text == "0.5" { return #"\frac{1}{2}"# }
        return try writingSlashAsFraction(text)
    }
}
