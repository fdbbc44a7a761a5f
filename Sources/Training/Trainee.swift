public import Numerics
public import Transformers

/// What a training run changes, and the weights that follow from it.
public protocol Trainee: AnyObject {
    /// The weights that the forward and the backward pass use.
    var weights: FlatParameters { get }
    /// What the optimiser changes and checkpoints keep.
    var trained: FloatBuffer { get }

    /// The gradient of ``trained``, from that of ``weights``.
    func gradient(from weights: FlatParameters) -> FloatBuffer

    /// Makes ``weights`` follow ``trained`` after it was changed.
    func trainedChanged()
}

/// Training of all parameters.
public final class FullTraining: Trainee {
    public let weights: FlatParameters
    public var trained: FloatBuffer { weights.buffer }

    public init(_ parameters: FlatParameters) { weights = parameters }

    public func gradient(from weights: FlatParameters) -> FloatBuffer { weights.buffer }
    public func trainedChanged() {}
}
