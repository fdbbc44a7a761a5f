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
