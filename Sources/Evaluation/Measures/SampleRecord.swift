/// What was measured on one problem; every table and curve is derived from these.
package struct SampleRecord: Sendable, Hashable, Identifiable {
    /// The id of the problem.
    package let id: String
    /// Whether the grader accepted the response; false where nothing was graded.
    package let correct: Bool
    /// Whether there was something to grade by.
    package let isGraded: Bool
    /// The tokens of the response that count, by default up to and including the first end-of-text token and at
    /// most the generation length (see `TokenCount`).
    package let tokensBeforeEnd: Int
    /// The number of forward evaluations as the method counts them; some count a turn that ended early.
    package let nfe: Int
    /// The number of forward evaluations that really took place.
    package let forwards: Int
    /// The sum over the forwards of the positions they were given; less than length × forwards with a KV cache.
    package let tokensForwarded: Int
    /// The response as text.
    package let text: String
    /// `StableHash.hex` of the prompt, to tell whether two records answer the same question.
    package let promptHash: String

    /// A record of the given measurements; nothing is checked.
    package init(
        id: String, correct: Bool, tokensBeforeEnd: Int, nfe: Int, forwards: Int, tokensForwarded: Int,
        text: String,
        promptHash: String, isGraded: Bool = true
    ) {
        self.id = id
        self.isGraded = isGraded
        self.correct = correct
        self.tokensBeforeEnd = tokensBeforeEnd
        self.nfe = nfe
        self.forwards = forwards
        self.tokensForwarded = tokensForwarded
        self.text = text
        self.promptHash = promptHash
    }
}

extension Array where Element == SampleRecord {
    /// The records with an even index: what a threshold is chosen on.
    package var calibrationHalf: [SampleRecord] { half(0) }

    /// The records with an odd index: what the chosen threshold is reported on.
    package var reportHalf: [SampleRecord] { half(1) }

    private func half(_ remainder: Int) -> [SampleRecord] {
        enumerated().filter { $0.offset % 2 == remainder }.map(\.element)
    }
}
