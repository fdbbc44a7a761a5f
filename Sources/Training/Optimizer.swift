public import Numerics
public import Transformers

/// Changes parameters by their gradients.
public protocol Optimizer: AnyObject {
    /// How many threads it uses; results don't show them.
    var threads: Int { get set }

    /// One step.
    /// - Parameters:
    ///   - parameters: all parameters one after another, in the order that the optimiser was made for.
    ///   - gradients: their gradients in the same order.
    ///   - gradientScale: factor on the gradients, from clipping.
    ///   - factor: factor on every learning rate, from the schedule.
    func step(_ parameters: FloatBuffer, _ gradients: FloatBuffer, gradientScale: Float, factor: Double)

    /// Everything that a resumed run needs besides the parameters, by name.
    var state: [(name: String, buffer: FloatBuffer)] { get }
    /// Steps done; part of the state.
    var steps: Int { get set }
}

extension Optimizer {
    /// One step of a whole model's parameters.
    public func step(
        _ parameters: FlatParameters, _ gradients: FlatParameters, gradientScale: Float, factor: Double
    ) {
        step(parameters.buffer, gradients.buffer, gradientScale: gradientScale, factor: factor)
    }
}

/// Gradient clipping.
public enum GradientClipping {
    /// L2 norm of all gradients together.
    public static func norm(_ gradients: FloatBuffer) -> Double {
        Kernels.sumOfSquares(UnsafeBufferPointer(start: gradients.pointer, count: gradients.count))
            .squareRoot()
    }

    /// `min(1, maximum / (norm + 1e-6))`, as `torch.nn.utils.clip_grad_norm_`.
    public static func scale(norm: Double, maximum: Double) -> Float {
        Float(min(1, maximum / (norm + 1e-6)))
    }
}

/// Which parameters decay.
public enum WeightDecayRule: String, Sendable, CaseIterable {
    /// By name, as transformers 4.49 groups them: a name with "bias", "layernorm" or "rmsnorm" doesn't decay. All
    /// of LLaDA's weights do, its norms included.
    case upstream
    /// Matrices decay; norms and biases don't.
    case matrices

    /// Whether a parameter decays.
    /// - Parameter name: the parameter's name in its family's checkpoints.
    public func decays(_ specification: ParameterSpecification, name: String) -> Bool {
        switch self {
        case .matrices: return !specification.isVector
        case .upstream:
            let name = name.lowercased()
            return !["bias", "layernorm", "rmsnorm"].contains { name.contains($0) }
        }
    }
}
