public import Base
public import SystemPackage

/// What is wrong with a GGUF file: the key or tensor, and what was expected there.
public struct GGUFError: Failure, Sendable {
    public var failureKind: FailureKind { .inputOutput }

    public let file: FilePath
    /// What is concerned, such as `key general.alignment` or `tensor output.weight`; nil for the whole file.
    public let subject: String?
    /// A sentence: what is wrong and what would be right.
    public let message: String

    public init(_ file: FilePath, _ subject: String? = nil, _ message: String) {
        self.file = file
        self.subject = subject
        self.message = message
    }

    public var description: String { "\(file): " + (subject.map { "\($0): " } ?? "") + message }
}
