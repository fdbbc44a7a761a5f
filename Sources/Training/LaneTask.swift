public import Numerics
public import Transformers

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

/// The model of a training whose lanes others compute.
public struct LaneModel {
    public var configuration: TransformerConfiguration
    /// What is trained, as it is now.
    public var trained: FloatBuffer
    /// The adapter in training, over weights that stay the same; nil where all parameters are trained.
    public var adapter: (options: AdapterTraining.Options, base: FlatParameters)?
}

/// Computes lanes of batches: forward passes, losses, and each lane's own gradient.
///
/// A lane's bits depend on its sequences and the parameters alone, not on who computes it or beside what.
public protocol LaneComputing: AnyObject {
    var configuration: TransformerConfiguration { get }

    /// Makes what is kept beside what is trained, which is read on every call, follow it.
    func trainedChanged()

    /// Computes the losses of a task's lanes, and their gradients unless it has two phases.
    func forward(_ task: LaneTask) -> [Int: LaneLosses]

    /// Computes the gradients of lanes of the last task, which had two phases.
    ///
    /// - Parameter normalizers: What all rows of the batch come to.
    func backward(_ lanes: Set<Int>, _ normalizers: Normalizers)

    /// The gradient of a lane: that of its last task, once it has been computed.
    func laneGradient(_ lane: Int) -> FloatBuffer
}

/// Who else computes lanes of a batch, if anybody does.
///
/// What helpers don't give back in time is computed here, with the same bits, so that none of this throws.
public protocol LaneHelpers: AnyObject {
    /// Hands lanes of a task out.
    ///
    /// - Returns: Those that were taken.
    func begin(_ task: LaneTask, _ model: LaneModel) -> Set<Int>

    /// The losses of lanes that were taken, shard by shard; without those that were lost.
    ///
    /// Unless the task has two phases their gradients are then in what `gradient` gives for a lane.
    ///
    /// - Parameter elapsed: How long the lanes of this process took, and how many they were.
    func losses(_ elapsed: LaneTiming, _ gradient: (Int) -> FloatBuffer) -> [Int: LaneLosses]

    /// Begins the second phase for the lanes that ``losses(_:_:)`` gave.
    func beginBackward(_ normalizers: Normalizers)

    /// Puts their gradients into what `gradient` gives for a lane.
    ///
    /// - Returns: Those that came.
    func gradients(_ elapsed: LaneTiming, _ gradient: (Int) -> FloatBuffer) -> Set<Int>
}

/// How long lanes of this process took in a phase.
public struct LaneTiming: Sendable {
    public var lanes: Int
    public var duration: Duration
}
