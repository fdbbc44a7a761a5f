public import Base

/// Why a chat template can't be used, or what it refused to write.
public struct ChatTemplateError: Failure, Sendable, Hashable {
    public var failureKind: FailureKind { .request }

    /// Where: the template and the line and column in it, such as `tokenizer_config.json, chat template:3:12`.
    public let location: String
    /// What is wrong and what would be right, as a sentence.
    public let message: String

    /// An error at a place of a template.
    public init(location: String, message: String) {
        self.location = location
        self.message = message
    }

    public var description: String { "\(location): \(message)" }
}
