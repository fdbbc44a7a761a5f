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
