package import Base

/// Why programs can't be run in isolation here.
package struct SandboxError: Failure, Sendable, Hashable {
    package var failureKind: FailureKind { .unavailable }

    /// What is wrong, and what would help.
    package let description: String

    init(_ description: String) { self.description = description }

    /// No verdict on a program: it didn't get enough of the processors.
    static func busy(_ what: String, _ limits: SandboxLimits) -> SandboxError {
        SandboxError(
            "\(what) got less than \(limits.cpuSeconds) s of a processor in \(limits.busySeconds) s, twice: the machine is too busy to tell whether it takes too long. Run again with fewer --jobs, or when less else runs."
        )
    }
}
