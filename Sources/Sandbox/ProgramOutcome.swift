/// How a program fared with its tests.
package enum ProgramOutcome: Sendable, Hashable {
    /// All tests ran through.
    case passed
    /// Something was raised: the name of the exception and its text, cut short.
    case raised(String, message: String)
    /// It ended by itself before the tests were through.
    case ended(code: Int)
    /// It used all of its processor time, or of its time by the clock.
    case timeLimit
    /// It was ended by a signal: a crash, or the kernel short of memory.
    case signal(Int)
    /// It wrote to the channel that only the tests' result belongs on.
    case tampered

    package var hasPassed: Bool { self == .passed }

    /// One word for records: `passed`, `raised`, `ended`, `timeLimit`, `signal`, `tampered`.
    package var name: String {
        switch self {
        case .passed: "passed"
        case .raised: "raised"
        case .ended: "ended"
        case .timeLimit: "timeLimit"
        case .signal: "signal"
        case .tampered: "tampered"
        }
    }

    /// What is known beyond the name; nil where there is nothing.
    package var detail: String? {
        switch self {
        case .raised(let name, let message): message.isEmpty ? name : "\(name): \(message)"
        case .ended(let code): "exit code \(code) before the tests were through"
        case .signal(let number): "signal \(number)"
        case .passed, .timeLimit, .tampered: nil
        }
    }
}

/// A function of a program whose answers somebody else compares with the right ones.
///
/// The function and what it is compared with never share a process: the program's process knows the inputs, the grader's
/// gets the answers as plain values. Whatever a program does to its own interpreter, it has to give the right answers.
package struct ComparedFunction: Sendable, Hashable {
    /// The name of the function.
    package let entryPoint: String
    /// Python that gives `inputs`, a list of lists of arguments.
    package let inputs: String
    /// Python that gives `judge`, a function of an iterator over the answers.
    ///
    /// It raises where one is wrong, returns True when it has compared all, and False where answers are missing.
    package let grader: String
    /// Whether an answer that can be walked through once, such as a generator, counts as the values that it gives.
    package let takesIterators: Bool

    package init(entryPoint: String, inputs: String, grader: String, takesIterators: Bool = false) {
        self.entryPoint = entryPoint
        self.inputs = inputs
        self.grader = grader
        self.takesIterators = takesIterators
    }
}
