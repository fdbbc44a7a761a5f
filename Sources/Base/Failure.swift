/// What an error means for whoever started the program: which of its exit codes it ends with.
public enum FailureKind: Sendable, Hashable, CaseIterable {
    /// Work failed: a stage, a check, a comparison, a server.
    case work
    /// What was asked for is wrong or isn't there: a configuration, an option, a name.
    case request
    /// A file or a store can't be read or written, or is damaged.
    case inputOutput
    /// The command line doesn't give a permission that is needed.
    case permission
    /// A library or the isolation of programs is missing on this machine.
    case unavailable
    /// Stopped on purpose, at a point from which it can go on.
    case interruption
}

/// An error that says what it means for the program; one that doesn't is a failure of ``FailureKind/work``.
///
/// Its description is a full sentence: what is wrong, where, and what would be right.
public protocol Failure: Error, CustomStringConvertible {
    /// What it means for the program.
    var failureKind: FailureKind { get }
    /// Whether its description has lines of its own, in which the text of others keeps to its line.
    var hasOwnLines: Bool { get }
}

extension Failure {
    /// One sentence or several on one line.
    public var hasOwnLines: Bool { false }
}

extension Error {
    /// The description for people: on one line, whatever line feeds the text of others has that it quotes, unless the error
    /// has lines of its own.
    public var told: String {
        let text = "\(self)"
        return (self as? any Failure)?.hasOwnLines == true ? text : text.visible
    }
}
