/// What the reference graders raise on text that they don't foresee.
///
/// A harness that meets one stops or counts the sample as wrong; it is thrown, so that each caller decides.
package struct UpstreamException: Error, Sendable, Hashable, CustomStringConvertible {
    /// The name of Python's exception, such as `ValueError`.
    package let name: String
    /// What about the text is the reason.
    package let reason: String

    /// An exception of that name.
    package init(_ name: String, _ reason: String) {
        self.name = name
        self.reason = reason
    }

    package var description: String { "The reference grader raises \(name) here: \(reason)." }
}
