public import Numerics
public import Transformers

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
