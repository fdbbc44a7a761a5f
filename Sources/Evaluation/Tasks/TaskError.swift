/// A benchmark file or a choice of task that can't be used.
public struct TaskError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What is wrong, where, and what would be right.
    public let description: String

    /// An error with a full sentence.
    public init(_ description: String) { self.description = description }
}
