public import Base
public import SystemPackage

/// What is wrong with a checkpoint: file, tensor, and what was expected there.
public struct CheckpointError: Failure, Sendable {
    public var failureKind: FailureKind { .inputOutput }

    public let file: FilePath
    /// The tensor concerned, if one is.
    public let tensor: String?
    /// A sentence: what is wrong and what would be right.
    public let message: String

    public init(_ file: FilePath, tensor: String? = nil, _ message: String) {
        self.file = file
        self.tensor = tensor
        self.message = message
    }

    public var description: String {
        "\(file): " + (tensor.map { "tensor \($0): " } ?? "") + message
    }
}
