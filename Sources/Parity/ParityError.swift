package import Base

/// Why recorded cases can't be read.
package struct ParityError: Failure, Sendable, Hashable {
    package var failureKind: FailureKind { .inputOutput }

    /// What is wrong, where, and what would be right.
    package let description: String

    package init(_ description: String) { self.description = description }
}
