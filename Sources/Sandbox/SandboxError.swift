public import Base

/// Why programs can't be run in isolation here.
public struct SandboxError: Failure, Sendable, Hashable {
    public var failureKind: FailureKind { .unavailable }

    /// What is wrong, and what would help.
    public let description: String

    init(_ description: String) { self.description = description }
}
