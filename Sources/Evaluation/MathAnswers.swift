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

/// The comparison of MATH answers by a normal form.
///
/// Source: appendix D of Lewkowycz and others (2022), as minerva_math of lm-evaluation-harness 0.4.9 has it.
/// Upstream then asks sympy whether the two normal forms are equal as expressions. That isn't here: see
/// ``isCorrect(_:answer:)``.
package enum MinervaMath {
    /// The answer of a response that doesn't give one in the form that the examples show.
    package static let invalid = "[invalidanswer]"

    /// The normal form of the answer that a response gives in the words of the examples.
    package static func finalAnswer(in response: String) -> String {
        normalize(announcedAnswer(in: CodePoints(response))).string
    }

    /// Whether the normal form of a response's answer is `answer`, itself in normal form.
    ///
    /// Upstream's verdict differs in both directions: sympy takes `2x` for `x+x`, but what it can't parse, an
    /// interval for instance, it refuses even where both are spelled the same.
    package static func isCorrect(_ response: String, answer: String) -> Bool {
        normalize(announcedAnswer(in: CodePoints(response))) == CodePoints(answer)
    }

    /// The normal form of the boxed answer of a reference solution.
    ///
    /// - Throws: what ``Boxed/content(of:)`` throws.
    package static func answer(ofSolution solution: String) throws(UpstreamException) -> String {
        normalize(try Boxed.content(of: Boxed.lastExpression(in: CodePoints(solution)))).string
    }

    /// What stands between "The final answer is" and "I hope it is correct." on one line.
    private static func announcedAnswer(in response: CodePoints) -> CodePoints {
        let opening: CodePoints = "Final Answer: The final answer is"
        let closing: CodePoints = " I hope it is correct"
        let text = response + "I hope it is correct."
        var from = 0
        while let found = text.firstIndex(of: opening, from: from) {
            let start = found + opening.count
            let line = text.end(from: start) { $0 != "\n" }
            // The full stops of the expression aren't escaped: any code point of the line may stand for one.
            for end in start..<max(start, line) where text.has(closing, at: end + 1) {
                if end + 1 + closing.count < line { return text[start..<end].stripped() }
            }
            from = found + 1
        }
        return CodePoints(invalid)
    }
}

extension MinervaMath {
    /// An answer without units, words and shorthand.
    ///
    /// The order of the steps is that of the source, and so are their accidents: `\left(` loses the "ft" of
    /// "feet", and `\frac1{72}` becomes `\frac{1}{{}72}`.
    package static func normalize(_ answer: String) -> String { normalize(CodePoints(answer)).string }

    static func normalize(_ answer: CodePoints) -> CodePoints {
        var text = answer.split(by: "=").last ?? answer
        for (before, after) in substitutions { text = text.replacing(before, with: after) }
        for expression in removed { text = text.removing(expression) }
        text = keepingFirstMath(text)
        for command in [#"\text{"#, #"\textbf{"#, #"\overline{"#] as [CodePoints] {
            text = unwrapping(command, in: text, toLastBrace: false)
        }
        text = unwrapping(#"\boxed{"#, in: text, toLastBrace: true)
        text = bracing("frac", arguments: 2, in: text)
        text = bracing("sqrt", arguments: 1, in: text)
        text = text.removing("$")
        let digits = text.removing(",")
        return !digits.isEmpty && digits.scalars.allSatisfy(\.isPythonDigit) ? digits : text
    }

    private static let substitutions: [(CodePoints, CodePoints)] = [
        ("an ", ""), ("a ", ""), (".$", "$"), (#"\$"#, ""), (#"\ "#, ""), (" ", ""), ("mbox", "text"),
        (#",\text{and}"#, ","), (#"\text{and}"#, ","), (#"\text{m}"#, #"\text{}"#),
    ]

    private static let removed: [CodePoints] = [
        "square", "ways", "integers", "dollars", "mph", "inches", "ft", "hours", "km", "units", #"\ldots"#,
        "sue", "points", "feet", "minutes", "digits", "cents", "degrees", "cm", "gm", "pounds", "meters",
        "meals", "edges", "students", "childrentickets", "multiples", #"\text{s}"#, #"\text{.}"#,
        "\\text{\ns}", #"\text{}^2"#, #"\text{}^3"#, "\\text{\n}", #"\text{}"#, #"\mathrm{th}"#, #"^\circ"#,
        #"^{\circ}"#, #"\;"#, #",\!"#, "{,}", "\"", #"\dots"#,
    ]

    /// On each line that has two dollar signs, only what stands between the first two.
    private static func keepingFirstMath(_ text: CodePoints) -> CodePoints {
        let lines = text.split(by: "\n").map { line in
            let parts = line.split(by: "$")
            return parts.count > 2 ? "$" + parts[1] + "$" : line
        }
        return CodePoints(lines.map(\.scalars).joined(separator: ["\n"]))
    }

    /// The content of every `command`, which ends in its opening brace, up to a closing brace of the same line.
    private static func unwrapping(
        _ command: CodePoints, in text: CodePoints, toLastBrace: Bool
    ) -> CodePoints {
        var result: CodePoints = ""
        var index = 0
        while let found = text.firstIndex(of: command, from: index) {
            let start = found + command.count
            let line = text.scalars[start..<text.end(from: start) { $0 != "\n" }]
            let brace = toLastBrace ? line.lastIndex(of: "}") : line.firstIndex(of: "}")
            if let brace {
                result += text[index..<found] + text[start..<brace]
                index = brace + 1
            } else {
                result += text[index..<(found + 1)]
                index = found + 1
            }
        }
        return result + text.suffix(from: index)
    }

    /// Braces around the single characters that follow a command: `frac12` becomes `frac{1}{2}`.
    private static func bracing(_ command: CodePoints, arguments: Int, in text: CodePoints) -> CodePoints {
        var result: CodePoints = ""
        var index = 0
        while let found = text.firstIndex(of: command, from: index) {
            let start = found + command.count
            let end = start + arguments
            // The first argument may be a line break, the second may not.
            guard end <= text.count, text[start] != "{", arguments == 1 || text[start + 1] != "\n" else {
                result += text[index..<(found + 1)]
                index = found + 1
                continue
            }
            result += text[index..<start]
            for argument in start..<end { result += "{" + text[argument..<(argument + 1)] + "}" }
            index = end
        }
        return result + text.suffix(from: index)
    }
}

/// What the reference graders raise on text that they don't foresee.
///
/// A harness that meets one stops or counts the sample as wrong; it is thrown, so that each caller decides.
package struct UpstreamException: Error, Sendable, Hashable, CustomStringConvertible {
    /// The name of Python's exception, such as `ValueError`.
    package let name: String
    /// What about the text is the reason.
    package let reason: String

    /// An exception of that name.
    package init(_ name: String, _ reason: String) {
        self.name = name
        self.reason = reason
    }

    package var description: String { "The reference grader raises \(name) here: \(reason)." }
}
