public import Base

/// Why a process that was started as one of several can't join the others.
public struct ClusterError: Failure, Sendable, Hashable {
    /// What kind of thing is wrong.
    public enum Code: Sendable, Hashable {
        /// The library that `make mpi` builds can't be loaded.
        case library
        /// The ranks of the job didn't come together.
        case joining
    }

    public let code: Code
    public let description: String

    public var failureKind: FailureKind { code == .library ? .unavailable : .work }
}
