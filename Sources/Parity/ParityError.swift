public import Base

/// Why recorded cases can't be read.
public struct ParityError: Failure, Sendable, Hashable {
    public var failureKind: FailureKind { .inputOutput }

    /// What is wrong, where, and what would be right.
    public let description: String

    public init(_ description: String) { self.description = description }
}
