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
    /// Rows in ascending order, each at most once.
    public var rows: [LossRow]

    public init(tokens: [Int32], attention: AttentionPattern = .bidirectional, rows: [LossRow]) {
        self.tokens = tokens
        self.attention = attention
        self.rows = rows
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

    public init(
        _ name: String, crossEntropy: Float, entropy: Float = 0, normalization: Normalization = .weightedMean
    ) {
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
    /// Temperature of the softmax in the entropy term only.
    public var temperature: Float
    /// Distributions over the vocabulary, for rows that are trained towards one.
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
