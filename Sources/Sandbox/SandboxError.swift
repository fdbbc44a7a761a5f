/// Why programs can't be run in isolation here.
public struct SandboxError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What is wrong, and what would help.
    public let description: String

    init(_ description: String) { self.description = description }
}
