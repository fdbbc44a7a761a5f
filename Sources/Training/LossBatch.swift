public import Numerics
public import Transformers

/// One position of a training sequence that a loss is taken at.
public struct LossRow: Sendable, Hashable {
    /// Index into the sequence of the row of logits that predicts ``target``; with shifted logits, the position
    /// before it.
    public var row: Int
    /// The token to be predicted.
    public var target: Int32
    /// Index into ``LossBatch/groups``.
    public var group: Int
    /// Weight of the row's cross-entropy within its group.
    public var weight: Float
    /// Row of ``LossBatch/softTargets`` that the cross-entropy is taken against instead of ``target``.
    public var softTarget: Int?

    public init(row: Int, target: Int32, group: Int = 0, weight: Float = 1, softTarget: Int? = nil) {
        self.row = row
        self.target = target
        self.group = group
        self.weight = weight
        self.softTarget = softTarget
    }
}

/// A sequence with the positions that count.
public struct TrainingSequence: Sendable {
    public var tokens: [Int32]
    public var attention: AttentionPattern
    /// Positions and visible keys of each row, in the place of ``attention``, where the sequence is two streams.
    public var geometry: RowGeometry?
    /// Rows in ascending order, each at most once.
    public var rows: [LossRow]
    /// What some tokens' inputs are mixed with, each at most once.
    public var residuals: [ResidualRow] = []

    public init(
        tokens: [Int32], attention: AttentionPattern = .bidirectional, geometry: RowGeometry? = nil,
        rows: [LossRow]
    ) {
        self.tokens = tokens
        self.geometry = geometry
        self.attention = attention
        self.rows = rows
    }
}

/// A token whose input is mixed with the embedding that a distribution expects; see ``ResidualInput``.
public struct ResidualRow: Sendable, Hashable {
    /// Index into the sequence's tokens.
    public var row: Int
    /// Share of the expected embedding, from 0 to 1.
    public var share: Float
    /// Row of ``LossBatch/softTargets`` with the distribution.
    public var distribution: Int
    /// Whether the gradient flows through the expected embedding into the table.
    public var flows: Bool

    public init(row: Int, share: Float, distribution: Int, flows: Bool = true) {
        (self.row, self.share, self.distribution, self.flows) = (row, share, distribution, flows)
    }
}

extension TrainingSequence {
    /// The sequence as the model takes it.
    ///
    /// - Parameter distributions: What the residuals' distributions are rows of.
    func input(_ distributions: Matrix?) -> ForwardInput {
        var input = ForwardInput(
            tokens: tokens, attention: attention, geometry: geometry, logitRows: rows.map(\.row))
        guard !residuals.isEmpty else { return input }
        guard let distributions else { preconditionFailure("residuals have distributions") }
        input.residuals = residuals.map { residual in
            let row = residual.distribution
            return ResidualInput(
                row: residual.row, share: residual.share,
                .distribution(distributions.slice(rows: row..<row + 1), flows: residual.flows))
        }
        return input
    }
}

/// How the rows of one group enter the loss.
public struct LossGroup: Sendable, Hashable {
    /// What the weighted sum of a group's cross-entropies is divided by.
    public enum Normalization: Sendable, Hashable {
        /// Divide the weighted sum of cross-entropies by the sum of the weights.
        case weightedMean
        /// Take the weighted sum as it is.
        case sum
    }

    public var name: String
    /// Factor on the group's cross-entropy.
    public var crossEntropy: Float
    /// Factor on the mean entropy over the rows whose argmax is the target (certainty forcing).
    public var entropy: Float
    public var normalization: Normalization
    /// What the group's normalised cross-entropy is reported less: the mean entropy of soft targets makes it a divergence.
    ///
    /// A constant, so that it changes no gradient.
    public var offset: Double

    public init(
        _ name: String, crossEntropy: Float, entropy: Float = 0, normalization: Normalization = .weightedMean,
        offset: Double = 0
    ) {
        self.offset = offset
        self.name = name
        self.crossEntropy = crossEntropy
        self.entropy = entropy
        self.normalization = normalization
    }
}

/// Everything one optimiser step learns from: total loss = Σ over groups of
/// `crossEntropy · normalised CE + entropy · mean entropy of the correct rows`.
public struct LossBatch: Sendable {
    public var sequences: [TrainingSequence]
    public var groups: [LossGroup]
    /// Temperature of the softmax in the entropy term, and of that which is compared with soft targets.
    public var temperature: Float
    /// Distributions over the vocabulary, for rows that are trained towards one and for residuals.
    public var softTargets: Matrix?

    public init(
        sequences: [TrainingSequence], groups: [LossGroup], temperature: Float = 1, softTargets: Matrix? = nil
    ) {
        self.sequences = sequences
        self.groups = groups
        self.temperature = temperature
        self.softTargets = softTargets
    }

    /// Tokens in all sequences.
    public var tokenCount: Int { sequences.reduce(0) { $0 + $1.tokens.count } }
}

/// What a batch's loss was.
public struct LossReport: Sendable {
    /// The terms of one group.
    public struct Group: Sendable {
        public var name: String
        /// Normalised cross-entropy, before the group's factor; 0 without rows.
        public var crossEntropy: Double
        /// Mean entropy over correct rows, before the group's factor; 0 without any.
        public var entropy: Double
        public var rows: Int
        public var correct: Int

        public init(name: String, crossEntropy: Double, entropy: Double, rows: Int, correct: Int) {
            self.name = name
            self.crossEntropy = crossEntropy
            self.entropy = entropy
            self.rows = rows
            self.correct = correct
        }
    }

    public var groups: [Group]
    public var total: Double

    public init(groups: [Group], total: Double) {
        self.groups = groups
        self.total = total
    }
}

/// Denominators of a batch's loss terms, and the sums they divide.
///
/// Sums are taken in order of rows, in double precision.
public struct Normalizers: Sendable {
    /// The sums of one group.
    public struct Sums: Sendable {
        public var weight = 0.0
        public var crossEntropy = 0.0
        public var entropy = 0.0
        public var rows = 0
        public var correct = 0

        public init() {}
    }

    /// By group, in the batch's order.
    public private(set) var sums: [Sums]

    /// Those that were computed elsewhere.
    public init(_ sums: [Sums]) { self.sums = sums }

    /// Counts the rows, which is all that the cross-entropy's denominator needs.
    init(_ batch: LossBatch) {
        sums = batch.groups.map { _ in Sums() }
        for row in batch.sequences.lazy.flatMap(\.rows) {
            sums[row.group].weight += Double(row.weight)
            sums[row.group].rows += 1
        }
    }

    /// Adds the losses of some rows.
    mutating func count(_ rows: [LossRow], _ losses: [RowLoss]) {
        for (row, loss) in zip(rows, losses) {
            sums[row.group].crossEntropy += Double(row.weight) * Double(loss.crossEntropy)
            if loss.isCorrect {
                sums[row.group].correct += 1
                sums[row.group].entropy += Double(loss.entropy)
            }
        }
    }

    /// Factors on one row's cross-entropy and entropy in the total loss.
    func weights(of row: LossRow, isCorrect: Bool, _ group: LossGroup) -> RowLossWeights {
        let s = sums[row.group]
        let divisor = group.normalization == .sum ? 1 : s.weight
        return RowLossWeights(
            crossEntropy: divisor > 0 ? Float(Double(group.crossEntropy) * Double(row.weight) / divisor) : 0,
            entropy: isCorrect && s.correct > 0 ? Float(Double(group.entropy) / Double(s.correct)) : 0)
    }

    func report(_ batch: LossBatch) -> LossReport {
        var total = 0.0
        let groups = zip(batch.groups, sums).map { group, s -> LossReport.Group in
            let divisor = group.normalization == .sum ? 1 : s.weight
            let crossEntropy = divisor > 0 ? s.crossEntropy / divisor - group.offset : 0
            let entropy = s.correct > 0 ? s.entropy / Double(s.correct) : 0
            total += Double(group.crossEntropy) * crossEntropy + Double(group.entropy) * entropy
            return .init(
                name: group.name, crossEntropy: crossEntropy, entropy: entropy, rows: s.rows,
                correct: s.correct)
        }
        return LossReport(groups: groups, total: total)
    }
}

extension Transformer {
    /// The distributions that the model predicts at the wanted rows of some sequences, in their order (rows × V).
    ///
    /// Sequences are computed in fixed groups, so that the number of threads doesn't change a bit.
    ///
    /// - Parameters:
    ///   - inputs: sequences, each with its wanted rows of logits.
    ///   - temperature: of the softmax.
    func distributions(
        _ inputs: [(tokens: [Int32], rows: [Int])], attention: AttentionPattern = .bidirectional,
        temperature: Float = 1, threads: Int
    ) -> Matrix {
        let size = 8
        var starts = [0]
        for input in inputs { starts.append(starts[starts.count - 1] + input.rows.count) }
        let first = starts
        let probabilities = MutableMatrix(zeros: first[inputs.count], configuration.vocabulary)
        Threads.parallelFor((inputs.count + size - 1) / size, threads: threads) { (group: Int) -> Void in
            let range = group * size..<min(inputs.count, (group + 1) * size)
            let logits = self.logits(
                inputs[range].map {
                    ForwardInput(tokens: $0.tokens, attention: attention, logitRows: $0.rows)
                }, Workspace())
            for row in 0..<logits.rows {
                let target = probabilities.row(first[range.lowerBound] + row)
                guard temperature != 1 else {
                    Kernels.softmax(logits.row(row), into: target)
                    continue
                }
                var scaled = Array(logits.row(row))
                scaled.withUnsafeMutableBufferPointer { Kernels.scale($0, by: 1 / temperature) }
                scaled.withUnsafeBufferPointer { Kernels.softmax($0, into: target) }
            }
        }
        return probabilities.view
    }
}
