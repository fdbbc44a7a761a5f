/// Why recorded cases can't be read.
public struct ParityError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What is wrong, where, and what would be right.
    public let description: String

    public init(_ description: String) { self.description = description }
}
