/// What the reference graders raise on text that they don't foresee.
///
/// A harness that meets one stops or counts the sample as wrong; it is thrown, so that each caller decides.
public struct UpstreamException: Error, Sendable, Hashable, CustomStringConvertible {
    /// The name of Python's exception, such as `ValueError`.
    public let name: String
    /// What about the text is the reason.
    public let reason: String

    /// An exception of that name.
    public init(_ name: String, _ reason: String) {
        self.name = name
        self.reason = reason
    }

    public var description: String { "The reference grader raises \(name) here: \(reason)." }
}
