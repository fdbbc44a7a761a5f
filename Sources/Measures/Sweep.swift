internal import Base

/// The settings of one method on one set of problems.
package struct Sweep: Sendable {
    /// One setting with its per-sample results.
    package struct Setting: Sendable {
        /// What distinguishes it, for people: "threshold 0.1".
        package let name: String
        package let records: [SampleRecord]

        package init(name: String, records: [SampleRecord]) {
            self.name = name
            self.records = records
        }
    }

    package let label: String
    package let settings: [Setting]

    package init(label: String, settings: [Setting]) {
        self.label = label
        self.settings = settings
    }
}

/// Why sweeps can't be compared.
package enum SweepError: Error, Sendable, Hashable, CustomStringConvertible {
    case empty(label: String)
    case differentProblems(label: String, setting: String)
    case tooFewProblems(Int)

    package var description: String {
        switch self {
        case .empty(let label): "The curve \"\(label)\" has no setting."
        case .differentProblems(let label, let setting):
            "The curve \"\(label)\", setting \(setting), was measured on other problems than the first curve; "
                + "all curves of a table must be evaluated on the same problems."
        case .tooFewProblems(let count):
            "\(count) problems can't be halved for choosing and reporting; at least 2 are needed."
        }
    }
}

/// Sums over one half of the problems, for one setting; what every measure is a ratio of.
struct HalfSums: Sendable {
    var tokens: [Double]
    var nfe: [Double]
    var correct: [Double]

    init(_ records: [SampleRecord]) {
        tokens = records.map { Double($0.tokensBeforeEnd) }
        nfe = records.map { Double($0.nfe) }
        correct = records.map { $0.correct ? 100 : 0 }
    }

    /// Tokens per forward and accuracy (percent) with problem i counted `weights[i]` times.
    func point(_ weights: [Double]) -> (tpf: Double, accuracy: Double) {
        var (t, n, c, total) = (0.0, 0.0, 0.0, 0.0)
        for i in weights.indices {
            t += weights[i] * tokens[i]
            n += weights[i] * nfe[i]
            c += weights[i] * correct[i]
            total += weights[i]
        }
        return (n > 0 ? t / n : 0, total > 0 ? c / total : 0)
    }
}

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

/// How the tokens of a generated response are counted.
///
/// The paper's released code counts in several narrower ways (it decodes, cuts and tokenizes the text again); here
/// a token is a position of the response that the decoder filled before the response ended.
package enum TokenCount: String, Sendable, Hashable, CaseIterable {
    /// Up to and including the first end-of-text token: the decoder had to produce that one as well. The default.
    case throughEnd
    /// Up to the first end-of-text token, without it.
    case beforeEnd

    /// The number of tokens in `response` that count.
    ///
    /// - Parameters:
    ///   - response: the token ids after the prompt, of at most the generation length.
    ///   - endsText: whether a token ends a text.
    ///   - generationLength: the cap; positions from there on never count.
    /// - Returns: the capped length of the response when it has no end-of-text token.
    package func callAsFunction(
        _ response: [Int], generationLength: Int, endsText: (Int) -> Bool
    ) -> Int {
        let capped = response.prefix(max(0, generationLength))
        guard let end = capped.firstIndex(where: endsText) else { return capped.count }
        return self == .throughEnd ? end + 1 : end
    }
}

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

/// What a claim may speak of: a measure of one curve, written `LABEL.tpf@90`.
package struct MeasureName: Sendable, Hashable {
    package enum Kind: Sendable, Hashable {
        /// Area under the curve, with the curve's own cut-off, as upstream defines it.
        case aup
        /// Area under the curve, with one cut-off for all curves of the table.
        case commonAUP
        /// Tokens per forward of the operating point.
        case tpf
        /// Accuracy of the operating point, in percent.
        case accuracy
        /// Tokens per forward where the curve falls below so many percent of accuracy.
        case tpfAt(accuracy: Double)
    }

    package let label: String
    package let kind: Kind

    /// How measures are written, for messages.
    package static let forms =
        "LABEL.tpf@90 (or another accuracy), LABEL.tpf, LABEL.accuracy, LABEL.aup or LABEL.commonAUP"

    /// The measure that somebody meant who wrote another text; nil where none is alike.
    package static func nearest(to text: String, labels: [String]) -> String? {
        if let name = MeasureName(text), let label = NearestName.nearest(to: name.label, among: labels),
            let suffix = text.byteText.dropping(prefix: name.label.byteText)
        {
            return "\(label)\(suffix.text)"
        }
        return NearestName.nearest(
            to: text,
            among: labels.flatMap { label in ["aup", "commonAUP", "tpf", "accuracy"].map { "\(label).\($0)" }
            })
    }

    package init(_ label: String, _ kind: Kind) {
        self.label = label
        self.kind = kind
    }

    /// Nil where the text isn't a measure, or an accuracy isn't above 0 and at most 100.
    package init?(_ text: String) {
        let bytes = text.byteText
        for (suffix, kind): (ByteText, Kind) in [
            (".aup", Kind.aup), (".commonAUP", .commonAUP), (".tpf", .tpf), (".accuracy", .accuracy),
        ] {
            if let label = bytes.dropping(suffix: suffix), !label.isEmpty {
                self.label = label.text
                self.kind = kind
                return
            }
        }
        guard let parts = bytes.cut(atLast: ".tpf@"), !parts.before.isEmpty,
            let accuracy = Double(parts.after.text),
            accuracy > 0, accuracy <= 100
        else { return nil }
        label = parts.before.text
        kind = .tpfAt(accuracy: accuracy)
    }

    /// As configurations write it.
    package var text: String {
        switch kind {
        case .aup: "\(label).aup"
        case .commonAUP: "\(label).commonAUP"
        case .tpf: "\(label).tpf"
        case .accuracy: "\(label).accuracy"
        case .tpfAt(let accuracy): "\(label).tpf@\(Self.number(accuracy))"
        }
    }

    /// 90 rather than 90.0.
    package static func number(_ accuracy: Double) -> String {
        Int(exactly: accuracy).map(String.init) ?? "\(accuracy)"
    }

    /// Whether effects on the measure are ratios unless a claim says otherwise.
    package var isRatio: Bool { if case .tpfAt = kind { true } else { false } }
}
