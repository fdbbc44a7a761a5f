/// Cuts responses where a task says that they end.
package enum StopStrings {
    /// The response up to the first of each stop string, one after the other.
    ///
    /// - Note: `generate_until` of both evaluation harnesses of d3LLM. The decoder isn't stopped: what is cut off
    ///   was decoded and counts in NFE.
    package static func cut(_ response: String, at stopStrings: [String]) -> String {
        stopStrings.reduce(CodePoints(response)) { text, stop in text.prefix(before: CodePoints(stop)) }
            .string
    }
}
