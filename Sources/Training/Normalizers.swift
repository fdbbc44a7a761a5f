internal import Numerics
internal import Transformers

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
            let crossEntropy = divisor > 0 ? s.crossEntropy / divisor : 0
            let entropy = s.correct > 0 ? s.entropy / Double(s.correct) : 0
            total += Double(group.crossEntropy) * crossEntropy + Double(group.entropy) * entropy
            return .init(
                name: group.name, crossEntropy: crossEntropy, entropy: entropy, rows: s.rows,
                correct: s.correct)
        }
        return LossReport(groups: groups, total: total)
    }
}
