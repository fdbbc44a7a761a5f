/// Decides whether a teacher's response is right (`generate_partly.py` of d3LLM's data preparation).
package enum DistillationAnswer {
    /// The content of the last `\boxed`, without white space at its ends.
    ///
    /// What follows `\boxed` is taken for a brace whatever it is, as upstream does.
    /// - Returns: nil when there is none or its brace is never closed.
    package static func extract(from response: String) -> String? {
        extract(from: CodePoints(response))?.string
    }

    /// The answer in lower case without commas and white space.
    package static func normalize(_ answer: String) -> String { normalize(CodePoints(answer)).string }

    /// Whether a response has the right answer in its last `\boxed`.
    ///
    /// - Parameters:
    ///   - response: the generated text.
    ///   - truth: the right answer, or a solution that has it in its last `\boxed`; without one, as for code,
    ///     every response counts as right.
    package static func isCorrect(_ response: String, truth: String?) -> Bool {
        guard let truth = truth.map({ CodePoints($0) }), !truth.isEmpty else { return true }
        let right = truth.contains(#"\boxed"#) ? extract(from: truth) : truth.stripped()
        guard let right, let found = extract(from: CodePoints(response)) else { return false }
        return normalize(found) == normalize(right)
    }

    private static func extract(from text: CodePoints) -> CodePoints? {
        guard let start = text.lastIndex(of: #"\boxed"#),
            let end = Boxed.closingBrace(in: text, from: start)
        else { return nil }
        let first = start + 7
        return first < end ? text[first..<end].stripped() : ""
    }

    private static func normalize(_ text: CodePoints) -> CodePoints {
        CodePoints(text.stripped().lowercased().scalars.filter { $0 != "," && !$0.isPythonSpace })
    }
}
