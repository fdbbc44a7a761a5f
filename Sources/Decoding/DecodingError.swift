public import Base

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

    public init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }
}
