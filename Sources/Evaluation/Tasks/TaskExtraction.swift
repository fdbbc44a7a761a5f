/// One of the ways in which a harness finds the answer in a response, with what it makes of one.
package struct TaskExtraction: Sendable, Hashable {
    /// The harness's name of the filter: `strict-match`, `flexible-extract`, `create_test`, `none`.
    package let name: String
    package let verdict: TaskVerdict
    /// Whether it decides if the response counts as right.
    package let isReported: Bool

    package init(name: String, verdict: TaskVerdict, isReported: Bool) {
        self.name = name
        self.verdict = verdict
        self.isReported = isReported
    }
}
