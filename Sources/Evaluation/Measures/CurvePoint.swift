/// One setting of one method on one set of problems: how fast and how often right.
package struct CurvePoint: Sendable, Hashable {
    /// Counted tokens over all samples.
    package let tokens: Int
    /// Forward evaluations over all samples.
    package let nfe: Int
    /// Right answers.
    package let correct: Int
    /// Samples.
    package let count: Int

    /// A point from totals.
    ///
    /// - Throws: `MeasureError` when a ratio of the totals would have no meaning.
    package init(tokens: Int, nfe: Int, correct: Int, count: Int) throws(MeasureError) {
        guard count > 0 else { throw .noSamples }
        guard nfe > 0 else { throw .noForwards(samples: count) }
        guard tokens >= 0, (0...count).contains(correct) else {
            throw .impossibleTotals(tokens: tokens, correct: correct, count: count)
        }
        self.tokens = tokens
        self.nfe = nfe
        self.correct = correct
        self.count = count
    }

    /// The point that `records` add up to.
    ///
    /// - Throws: `MeasureError.noSamples` for an empty list, `.noForwards` when all records have an NFE of 0.
    package init(_ records: [SampleRecord]) throws(MeasureError) {
        try self.init(
            tokens: records.reduce(0) { $0 + $1.tokensBeforeEnd }, nfe: records.reduce(0) { $0 + $1.nfe },
            correct: records.count { $0.correct }, count: records.count)
    }

    /// Tokens per forward: the ratio of the sums over the whole set, not the mean of the samples' ratios.
    package var tpf: Double { Double(tokens) / Double(nfe) }

    /// Right answers in percent.
    package var accuracy: Double { 100 * Double(correct) / Double(count) }

    /// Forward evaluations per sample.
    package var meanNFE: Double { Double(nfe) / Double(count) }

    /// The Wilson 95 % interval of the accuracy, in percent.
    package var interval: WilsonInterval { WilsonInterval(correct: correct, count: count) }
}

/// Why records can't be turned into a measure.
package enum MeasureError: Error, Sendable, Hashable, CustomStringConvertible {
    /// There isn't a single sample.
    case noSamples
    /// No sample took a forward evaluation.
    case noForwards(samples: Int)
    /// The totals contradict one another.
    case impossibleTotals(tokens: Int, correct: Int, count: Int)

    package var description: String {
        switch self {
        case .noSamples:
            "There are no samples to measure: accuracy and tokens per forward need at least one."
        case .noForwards(let samples):
            "The \(samples) samples together took no forward evaluation, so tokens per forward is undefined: "
                + "the records weren't made by a decoder that counts its forwards."
        case .impossibleTotals(let tokens, let correct, let count):
            "The totals \(tokens) tokens and \(correct) right of \(count) can't be: tokens must not be negative "
                + "and no more answers right than there are samples."
        }
    }
}
