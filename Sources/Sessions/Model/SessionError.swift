package import Base

/// Why a model can't be loaded for decoding live, or can't take a prompt.
package struct SessionError: Failure, Sendable, Hashable {
    package var failureKind: FailureKind { .request }

    /// What kind of problem this is.
    package enum Code: Sendable, Hashable {
        /// The model lacks something that decoding needs.
        case unsuitableModel
        /// The prompt is empty, or too long for the model.
        case invalidPrompt
        /// A setting of the decoder is wrong.
        case invalidSetting
        /// A sample isn't in its data set.
        case unknownSample
    }

    package let code: Code
    /// What is wrong and what would be right, in full sentences.
    package let description: String

    /// A problem, in full sentences.
    package init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }
}
