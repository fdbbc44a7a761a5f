public import Base

/// What stops a text from being JSON, and where.
public struct JSONSyntaxError: Failure, Sendable, Hashable {
    public var failureKind: FailureKind { .inputOutput }
    public var hasOwnLines: Bool { true }

    /// The document's name: usually a path.
    public let name: String
    /// The line, from 1.
    public let line: Int
    /// The column, from 1, in characters.
    public let column: Int
    /// What is wrong and what would be right, as a sentence.
    public let message: String
    /// The offending line with a caret below the offending character.
    public let excerpt: String

    public var description: String { "\(name.visible):\(line):\(column): \(message.visible)\n\(excerpt)" }
}
