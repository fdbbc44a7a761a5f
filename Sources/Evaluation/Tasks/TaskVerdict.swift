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
