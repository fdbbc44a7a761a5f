/// Finds the answer that a solution puts in `\boxed{…}` (hendrycks_math of lm-evaluation-harness).
package enum Boxed {
    /// The last `\boxed…` or, without any, `\fbox…` of a solution, up to the brace that closes it.
    ///
    /// A `\boxed` with a space behind it goes to the next dollar sign and wins over all others.
    /// - Returns: nil when there is none or its brace is never closed.
    package static func lastExpression(in solution: String) -> String? {
        lastExpression(in: CodePoints(solution))?.string
    }

    static func lastExpression(in text: CodePoints) -> CodePoints? {
        let spaced: CodePoints = #"\boxed "#
        if let last = text.split(by: spaced).dropFirst().last { return spaced + last.prefix(before: "$") }
        guard let start = text.lastIndex(of: #"\boxed"#) ?? text.lastIndex(of: #"\fbox"#) else { return nil }
        return closingBrace(in: text, from: start).map { text[start..<($0 + 1)] }
    }

    /// What stands inside an expression that ``lastExpression(in:)`` gave.
    ///
    /// - Throws: `TypeError` for nil, `AssertionError` for anything but a whole `\boxed`.
    package static func content(of expression: String?) throws(UpstreamException) -> String {
        try content(of: expression.map { CodePoints($0) }).string
    }

    static func content(of expression: CodePoints?) throws(UpstreamException) -> CodePoints {
        guard let expression else {
            throw UpstreamException("TypeError", "the solution has no boxed answer")
        }
        let spaced: CodePoints = #"\boxed "#
        let braced: CodePoints = #"\boxed{"#
        if expression.contains(spaced) {
            guard expression.hasPrefix(spaced) else {
                throw UpstreamException(
                    "AssertionError", "the expression doesn't start with its \\boxed and space")
            }
            return expression.suffix(from: spaced.count)
        }
        guard expression.hasPrefix(braced), expression.scalars.last == "}" else {
            throw UpstreamException("AssertionError", "the expression isn't one \\boxed{…}")
        }
        return CodePoints(expression.scalars.dropFirst(braced.count).dropLast())
    }

    /// The closing brace with which as many are closed as were opened since `start`.
    static func closingBrace(in text: CodePoints, from start: Int) -> Int? {
        var open = 0
        for index in start..<text.count {
            switch text[index] {
            case "{": open += 1
            case "}":
                open -= 1
                if open == 0 { return index }
            default: break
            }
        }
        return nil
    }
}
