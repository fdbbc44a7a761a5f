public import Transformers

/// Who else computes lanes of a batch, if anybody does.
///
/// What helpers don't give back in time is computed here, with the same bits, so that none of this throws.
public protocol LaneHelpers: AnyObject {
    /// Hands lanes of a task out.
    ///
    /// - Returns: Those that were taken.
    func begin(_ task: LaneTask, _ parameters: FlatParameters) -> Set<Int>

    /// The losses of lanes that were taken, shard by shard; without those that were lost.
    ///
    /// Unless the task has two phases their gradients are then in what `gradient` gives for a lane.
    ///
    /// - Parameter elapsed: How long the lanes of this process took, and how many they were.
    func losses(_ elapsed: LaneTiming, _ gradient: (Int) -> FlatParameters) -> [Int: LaneLosses]

    /// Begins the second phase for the lanes that ``losses(_:_:)`` gave.
    func beginBackward(_ normalizers: Normalizers)

    /// Puts their gradients into what `gradient` gives for a lane.
    ///
    /// - Returns: Those that came.
    func gradients(_ elapsed: LaneTiming, _ gradient: (Int) -> FlatParameters) -> Set<Int>
}

/// How long lanes of this process took in a phase.
public struct LaneTiming: Sendable {
    public var lanes: Int
    public var duration: Duration
}
