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
