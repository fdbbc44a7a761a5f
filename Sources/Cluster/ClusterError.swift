package import Base

/// Why a process that was started as one of several can't join the others.
package struct ClusterError: Failure, Sendable, Hashable {
    /// What kind of thing is wrong.
    package enum Code: Sendable, Hashable {
        /// The library that `make mpi` builds can't be loaded.
        case library
        /// The ranks of the job didn't come together.
        case joining
    }

    package let code: Code
    package let description: String

    package var failureKind: FailureKind { code == .library ? .unavailable : .work }
}
