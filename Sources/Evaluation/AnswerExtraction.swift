/// Where GSM8K's filters look for the answer in a response (lm-evaluation-harness, `RegexFilter`).
package enum AnswerPattern: String, Sendable, Hashable, CaseIterable {
    /// The first number after "The answer is", which a zero-shot model has no reason to write.
    case theAnswerIs = #"The answer is (\-?[0-9\.\,]+)."#
    /// The first number after "#### ".
    case fourHashes = #"#### (\-?[0-9\.\,]+)"#
    /// The last number, whatever stands around it.
    case lastNumber = #"(-?[$0-9.,]{2,})|(-?[0-9]+)"#

    /// What a filter gives when it finds nothing.
    package static let invalid = "[invalid]"

    /// The regular expression of the upstream task.
    package var expression: String { rawValue }

    /// The text of the answer, or ``invalid``.
    package func extract(from response: String) -> String {
        let text = CodePoints(response)
        let found =
            switch self {
            case .theAnswerIs: Self.firstNumber(in: text, after: "The answer is ", needsMore: true)
            case .fourHashes: Self.firstNumber(in: text, after: "#### ", needsMore: false)
            case .lastNumber: Self.lastNumber(in: text)
            }
        return found?.string ?? Self.invalid
    }

    /// The first number that follows `marker`.
    ///
    /// - Parameter needsMore: The expression ends in a dot that isn't escaped: one more code point has to follow
    ///   the number on its line, and where there is none the number gives up its own last one.
    private static func firstNumber(
        in text: CodePoints, after marker: CodePoints, needsMore: Bool
    ) -> CodePoints? {
        var from = 0
        while let found = text.firstIndex(of: marker, from: from) {
            let start = found + marker.count
            let digits = start < text.count && text[start] == "-" ? start + 1 : start
            var end = text.end(from: digits) { isNumeric($0) }
            if needsMore, end == text.count || text[end] == "\n" { end -= 1 }
            if end > digits { return text[start..<end] }
            from = found + 1
        }
        return nil
    }

    private static func lastNumber(in text: CodePoints) -> CodePoints? {
        var last: CodePoints?
        var index = 0
        while index < text.count {
            let digits = text[index] == "-" ? index + 1 : index
            let long = text.end(from: digits) { isNumeric($0) || $0 == "$" }
            let short = text.end(from: digits) { $0.isASCIIDigit }
            // A run of two or more may hold signs and points, a single one must be a digit.
            let end = long - digits >= 2 ? long : short
            if end > digits {
                last = text[index..<end]
                index = end
            } else {
                index += 1
            }
        }
        return last
    }

    private static func isNumeric(_ scalar: Unicode.Scalar) -> Bool {
        scalar.isASCIIDigit || scalar == "." || scalar == ","
    }
}

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

/// Finds the program in a response to a programming problem.
package enum CodeExtraction {
    /// What stands behind the first line "```python" and before the next fence, or before the first fence.
    ///
    /// - Note: upstream `postprocess_code_humaneval.py` and `postprocess_code_mbpp.py`.
    package static func program(in response: String) -> String {
        let text = CodePoints(response)
        let opening: CodePoints = "```python\n"
        let start = text.firstIndex(of: opening).map { $0 + opening.count } ?? 0
        return text.suffix(from: start).prefix(before: "```").string
    }

    /// The text from which a HumanEval program is sanitized: the prompt, and below it ``program(in:)``.
    package static func humanEvalText(prompt: String, response: String) -> String {
        prompt + "\n" + program(in: response)
    }

    /// The program of a response that goes on after `prompt`: all of it before the first fence.
    ///
    /// - Note: `build_predictions_instruct` of humaneval_instruct in the harness that comes with Dream.
    package static func humanEvalInstruct(prompt: String, response: String) -> String {
        prompt + CodePoints(response).prefix(before: "```").string
    }

    /// The content of the first fenced block of a response whose opening fence belongs to the prompt.
    ///
    /// A word right after the fence is taken for the name of a language, also where it is the program's first.
    /// - Returns: nothing when no block is closed.
    /// - Note: `extract_code_blocks` of mbpp_instruct in lm-evaluation-harness.
    package static func firstBlock(in response: String) -> String {
        let text = CodePoints(response)
        let block =
            firstBlock(of: "```" + text) ?? firstBlock(of: text.replacing("```python", with: "```"))
        return block?.string ?? ""
    }

    private static func firstBlock(of text: CodePoints) -> CodePoints? {
        guard let fence = text.firstIndex(of: "```") else { return nil }
        var start = text.end(from: fence + 3) { $0.isPythonWord }
        if start < text.count, text[start] == "\n" { start += 1 }
        guard var end = text.firstIndex(of: "```", from: start) else { return nil }
        if end > start, text[end - 1] == "\n" { end -= 1 }
        return text[start..<end]
    }

    /// The response without its fences and without white space at its ends.
    ///
    /// - Note: `remove_code_blocks` of the harness that comes with Dream, as far as its recorded results tell.
    package static func withoutFences(_ response: String) -> String {
        CodePoints(response).removing("```").stripped().string
    }
}

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

/// GSM8K's comparison of an extracted answer with the reference solution (lm-evaluation-harness, `exact_match`).
package enum ExactMatch {
    /// The regular expressions whose matches are removed from both sides, in this order.
    package static let ignored = [",", #"\$"#, "(?s).*#### ", #"\.$"#]

    /// Whether both are the same once case and all that ``ignored`` matches is gone.
    ///
    /// - Parameters:
    ///   - prediction: what an ``AnswerPattern`` extracted.
    ///   - target: the whole solution of the data set, which ends in `#### <number>`.
    package static func matches(_ prediction: String, _ target: String) -> Bool {
        normalize(prediction) == normalize(target)
    }

    private static func normalize(_ text: String) -> CodePoints {
        var text = inArray(CodePoints(text).removing(","))
        text = inArray(text.removing("$"))
        let hashes: CodePoints = "#### "
        if let last = text.lastIndex(of: hashes) { text = text.suffix(from: last + hashes.count) }
        text = inArray(text)
        // The end of the text is also before a line feed that ends it.
        let end = text.scalars.last == "\n" ? text.count - 1 : text.count
        if end > 0, text[end - 1] == "." { text.scalars.remove(at: end - 1) }
        text = inArray(text)
        // The array's elements keep their width: a letter whose lower case is longer loses the rest.
        return inArray(CodePoints(text.lowercased().scalars.prefix(text.count)))
    }

    /// The text after a stay in a NumPy array, whose strings end before their last zeros.
    private static func inArray(_ text: CodePoints) -> CodePoints {
        guard let last = text.scalars.lastIndex(where: { $0.value != 0 }) else { return "" }
        return text[0..<(last + 1)]
    }
}

/// What a task's grader makes of a response.
package enum TaskVerdict: Sendable, Hashable {
    /// The answer is right.
    case correct(found: String)
    /// It is another answer, or none.
    case wrong(found: String)
    /// The response is a program whose tests would have to be run.
    case untested(Program)

    /// Whether the response is right; nil when only running it can tell.
    package var isCorrect: Bool? {
        switch self {
        case .correct: true
        case .wrong: false
        case .untested: nil
        }
    }
}

/// A program out of a response, and what it has to pass.
///
/// It was written by a model: it may be run in a sandbox only, with limits of time and memory. Nothing in this
/// module runs it.
package struct Program: Sendable, Hashable {
    /// Where the program's text comes from.
    package enum Source: Sendable, Hashable {
        /// The text is the program.
        case asWritten(String)
        /// The program is what ``PythonParser/sanitize(_:dependencies:)`` takes out of the text.
        case toSanitize(PythonParser.Request)
    }

    /// What a program has to pass.
    package enum Tests: Sendable, Hashable {
        /// Python code that raises unless the program before it is right.
        case script(String)
        /// A function of the program gives answers that are compared elsewhere.
        ///
        /// - Parameters:
        ///   - entryPoint: the name of the function.
        ///   - inputs: Python that gives `inputs`, a list of lists of arguments.
        ///   - grader: Python that gives `judge`, which raises where one of the answers that it is given is wrong.
        ///   - takesIterators: whether what can be walked through once counts as the values that it gives.
        case comparison(entryPoint: String, inputs: String, grader: String, takesIterators: Bool)
    }

    package let source: Source
    package let tests: Tests

    /// A program of the given parts.
    package init(source: Source, tests: Tests) {
        self.source = source
        self.tests = tests
    }
}

/// One of the ways in which a harness finds the answer in a response, with what it makes of one.
package struct TaskExtraction: Sendable, Hashable {
    /// The harness's name of the filter: `strict-match`, `flexible-extract`, `create_test`, `none`.
    package let name: String
    package let verdict: TaskVerdict
    /// Whether it decides if the response counts as right.
    package let isReported: Bool

    package init(name: String, verdict: TaskVerdict, isReported: Bool) {
        self.name = name
        self.verdict = verdict
        self.isReported = isReported
    }
}
