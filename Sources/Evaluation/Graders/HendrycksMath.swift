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

/// The rewritings that follow TeX's rule that an argument without braces is one character.
extension HendrycksMath {
    /// Cuts the text at `\text{ `, which stands before units only.
    static func removingUnit(_ text: CodePoints) throws(UpstreamException) -> CodePoints {
        let parts = text.split(by: #"\text{ "#)
        guard parts.count <= 2 else { throw UpstreamException("AssertionError", "the answer has two units") }
        return parts[0]
    }

    /// `\sqrt3` becomes `\sqrt{3}`.
    static func bracingRoots(_ text: CodePoints) throws(UpstreamException) -> CodePoints {
        let parts = text.split(by: #"\sqrt"#)
        var result = parts[0]
        for part in parts.dropFirst() {
            let first = try firstCharacter(of: part, after: #"\sqrt"#)
            result += #"\sqrt"#
            result += first == "{" ? part : "{" + CodePoints([first]) + "}" + part.suffix(from: 1)
        }
        return result
    }

    /// `\frac12` becomes `\frac{1}{2}` and `\frac1{72}` becomes `\frac{1}{72}`.
    ///
    /// A fraction with a single argument leaves the whole text as it is.
    static func bracingFractions(_ text: CodePoints) throws(UpstreamException) -> CodePoints {
        let parts = text.split(by: #"\frac"#)
        var result = parts[0]
        for part in parts.dropFirst() {
            let first = try firstCharacter(of: part, after: #"\frac"#)
            result += #"\frac"#
            if first == "{" {
                result += part
                continue
            }
            guard part.count >= 2 else { return text }
            result += "{" + CodePoints([first]) + "}"
            result += part[1] == "{" ? "{" : "{" + part[1..<2] + "}"
            result += part.suffix(from: 2)
        }
        return result
    }

    /// `1/2` becomes `\frac{1}{2}`; numbers that aren't spelled the usual way stay.
    static func writingSlashAsFraction(_ text: CodePoints) throws(UpstreamException) -> CodePoints {
        let parts = text.split(by: "/")
        guard parts.count == 2 else { return text }
        for part in parts where !part.isPythonInteger {
            throw UpstreamException("ValueError", "\"\(part.string)\" beside a slash is no whole number")
        }
        guard parts.allSatisfy(isPlainInteger) else { return text }
        return #"\frac{"# + parts[0] + "}{" + parts[1] + "}"
    }

    /// Whether the number is spelled as it would be printed.
    private static func isPlainInteger(_ text: CodePoints) -> Bool {
        let digits = text.scalars.first == "-" ? text.suffix(from: 1) : text
        guard digits.scalars.allSatisfy(\.isASCIIDigit) else { return false }
        return digits[0] != "0" || text == "0"
    }

    private static func firstCharacter(
        of part: CodePoints, after command: String
    ) throws(UpstreamException) -> Unicode.Scalar {
        guard let first = part.scalars.first else {
            throw UpstreamException("IndexError", "nothing follows \(command)")
        }
        return first
    }
}
