public import Base
internal import Documents

/// Why decoding can't start or go on.
public struct DecodingError: Failure, Sendable, Hashable {
    public var failureKind: FailureKind { .request }

    /// What kind of problem this is.
    public enum Code: Sendable, Hashable {
        /// No decoding method has this name.
        case unknownMethod
        /// Options of a method are missing, unknown or out of range.
        case invalidOptions
        /// A sequence didn't finish within the allowed number of turns.
        case turnLimit
        /// A sequence doesn't fit the model.
        case invalidSequence
    }

    public let code: Code
    /// What is wrong and what would be right, in full sentences.
    public let description: String
    /// What is wrong with the options of a method, one by one, in full sentences.
    public let problems: [String]

    public init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
        problems = []
    }

    /// Wrong options of a method.
    init(_ diagnostics: [Diagnostic], of method: String) {
        code = .invalidOptions
        problems = diagnostics.map { [$0.message, $0.hint].compactMap { $0 }.joined(separator: " ") }
        description =
            "The options of decoding method \"\(method)\" are wrong. " + problems.joined(separator: " ")
    }
}
