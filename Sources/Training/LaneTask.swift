public import Numerics
internal import Transformers

/// What one lane of a batch computes: its shards, each some sequences, in order.
public struct LanePart: Sendable {
    /// The lane, below ``BatchGradient/lanes``.
    public var lane: Int
    public var shards: [[TrainingSequence]]

    public init(lane: Int, shards: [[TrainingSequence]]) {
        self.lane = lane
        self.shards = shards
    }
}

/// What lanes of a batch need to know, wherever they are computed.
public struct LaneTask: Sendable {
    public var parts: [LanePart]
    public var groups: [LossGroup]
    /// Temperature of the softmax in the entropy term.
    public var temperature: Float
    /// Distributions that rows are trained towards; ``LossRow/softTarget`` is a row of it.
    public var softTargets: Matrix?
    /// Whether gradients wait for ``LaneEngine/backward(_:_:)``.
    public var hasTwoPhases: Bool
    /// Whether activations are computed again instead of kept.
    public var recomputes: Bool
    /// The batch's denominators before any loss is counted.
    public var normalizers: Normalizers

    public init(
        parts: [LanePart], groups: [LossGroup], temperature: Float, softTargets: Matrix?, hasTwoPhases: Bool,
        recomputes: Bool, normalizers: Normalizers
    ) {
        self.parts = parts
        self.groups = groups
        self.temperature = temperature
        self.softTargets = softTargets
        self.hasTwoPhases = hasTwoPhases
        self.recomputes = recomputes
        self.normalizers = normalizers
    }

    /// The soft targets of some rows; nil where the batch has none.
    func softTargets(of rows: [LossRow]) -> SoftTargets? {
        softTargets.map { SoftTargets(probabilities: $0, rows: rows.map(\.softTarget)) }
    }

    /// The same for some of the lanes.
    public func restricted(to lanes: some Collection<Int>) -> LaneTask {
        var copy = self
        copy.parts = parts.filter { lanes.contains($0.lane) }
        return copy
    }
}

/// Losses of the rows of each shard of a lane.
public typealias LaneLosses = [[RowLoss]]
