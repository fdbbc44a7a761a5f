public import Base

/// Why a model can't be loaded for decoding live, or can't take a prompt.
public struct SessionError: Failure, Sendable, Hashable {
    public var failureKind: FailureKind { .request }

    /// What kind of problem this is.
    public enum Code: Sendable, Hashable {
        /// The model lacks something that decoding needs.
        case unsuitableModel
        /// The prompt is empty, or too long for the model.
        case invalidPrompt
        /// A setting of the decoder is wrong.
        case invalidSetting
        /// A sample isn't in its data set.
        case unknownSample
    }

    public let code: Code
    /// What is wrong and what would be right, in full sentences.
    public let description: String

    /// A problem, in full sentences.
    public init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }
}
