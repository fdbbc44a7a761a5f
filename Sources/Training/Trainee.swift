public import Numerics
public import Transformers

/// What a training run changes.
public protocol Trainee: AnyObject {
    /// What the optimiser changes and checkpoints keep.
    var trained: FloatBuffer { get }
    /// Whether others can compute lanes of its batches.
    var takesHelpers: Bool { get }

    /// Computes losses and gradients of batches, from what ``trained`` holds at each call.
    ///
    /// - Parameters:
    ///   - threads: how many threads to use; results don't show them.
    ///   - precision: what products of linear layers are computed in.
    ///   - helpers: who else computes lanes; nil where nobody does.
    /// - Throws: `BLASError` when no matrix library can be loaded.
    func batchLoss(
        threads: Int, precision: TrainingPrecision, helpers: (any LaneHelpers)?
    ) throws -> any BatchLoss
}

/// Loss of batches, and the gradient of what is trained.
public protocol BatchLoss: AnyObject {
    /// How many threads it uses; results don't show them.
    var threads: Int { get set }

    /// Computes loss and gradient; the latter is in ``trainedGradient`` until the next call.
    func compute(_ batch: LossBatch) -> LossReport

    /// The gradient of the last batch, in the order of ``Trainee/trained``.
    var trainedGradient: FloatBuffer { get }
}

/// Training of all parameters.
public final class FullTraining: Trainee {
    public let weights: FlatParameters
    public var trained: FloatBuffer { weights.buffer }
    public var takesHelpers: Bool { true }

    public init(_ parameters: FlatParameters) { weights = parameters }

    public func batchLoss(
        threads: Int, precision: TrainingPrecision, helpers: (any LaneHelpers)?
    ) throws -> any BatchLoss {
        try BatchGradient(weights, threads: threads, precision: precision, helpers: helpers)
    }
}

extension BatchGradient: BatchLoss {
    public var trainedGradient: FloatBuffer { gradient.buffer }
}
