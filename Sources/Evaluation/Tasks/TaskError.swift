/// A benchmark file or a choice of task that can't be used.
package struct TaskError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What is wrong, where, and what would be right.
    package let description: String

    /// An error with a full sentence.
    package init(_ description: String) { self.description = description }
}
