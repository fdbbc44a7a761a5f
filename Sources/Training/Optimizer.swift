public import Numerics
public import Transformers

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

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

/// AdamW with decoupled weight decay, as `torch.optim.AdamW` computes it in 32-bit floats.
public final class AdamW: Optimizer {
    /// Constants of the update; the defaults are torch's.
    public struct Options: Sendable, Hashable {
        public var learningRate: Double
        public var beta1: Double
        public var beta2: Double
        public var epsilon: Double
        public var decay: Double

        public init(
            learningRate: Double, beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8,
            decay: Double = 0.01
        ) {
            self.learningRate = learningRate
            self.beta1 = beta1
            self.beta2 = beta2
            self.epsilon = epsilon
            self.decay = decay
        }
    }

    /// The update of one parameter at a time.
    private struct Rule: Sendable {
        let options: Options
        /// Where each parameter lies, and how much it decays.
        let parameters: [(range: Range<Int>, decay: Double)]
        let first: FloatBuffer
        let second: FloatBuffer

        func update(
            _ i: Int, _ values: FloatBuffer, _ gradients: FloatBuffer, gradientScale: Float, factor: Double,
            step: Int
        ) {
            let (range, decay) = parameters[i]
            let offset = range.lowerBound
            Kernels.adamW(
                UnsafeMutableBufferPointer(start: values.pointer + offset, count: range.count),
                gradient: gradients.pointer + offset, first: first.pointer + offset,
                second: second.pointer + offset,
                .init(
                    learningRate: Float(options.learningRate * factor), beta1: Float(options.beta1),
                    beta2: Float(options.beta2), epsilon: Float(options.epsilon), decay: Float(decay),
                    gradientScale: gradientScale, step: step))
        }
    }

    private let rule: Rule
    public var threads: Int
    public var steps = 0

    /// An optimiser of parameters that lie one after another.
    /// - Parameters:
    ///   - parameters: the number of elements of each, and whether it decays at all.
    ///   - threads: how many threads to use; every element is updated on its own, so that the result doesn't show it.
    public init(_ parameters: [(count: Int, decays: Bool)], _ options: Options, threads: Int = 1) {
        self.threads = threads
        var end = 0
        let places = parameters.map { count, decays -> (Range<Int>, Double) in
            defer { end += count }
            return (end..<end + count, decays ? options.decay : 0)
        }
        rule = Rule(
            options: options, parameters: places, first: FloatBuffer(zeros: end),
            second: FloatBuffer(zeros: end))
    }

    /// An optimiser of a model's parameters.
    /// - Parameters:
    ///   - threads: how many threads to use; the result doesn't show it.
    ///   - decays: whether the parameter decays at all.
    public convenience init(
        _ configuration: TransformerConfiguration, _ options: Options, threads: Int = 1,
        decays: (ParameterSpecification) -> Bool
    ) {
        self.init(
            configuration.parameterSpecifications.map { ($0.count, decays($0)) }, options, threads: threads)
    }

    public var state: [(name: String, buffer: FloatBuffer)] {
        [("adamw.first", rule.first), ("adamw.second", rule.second)]
    }

    public func step(
        _ parameters: FloatBuffer, _ gradients: FloatBuffer, gradientScale: Float, factor: Double
    ) {
        steps += 1
        let (rule, step) = (rule, steps)
        Threads.parallelFor(rule.parameters.count, threads: threads) { (i: Int) -> Void in
            rule.update(
                i, parameters, gradients, gradientScale: gradientScale, factor: factor, step: step)
        }
    }

    /// Updates one parameter; ``steps`` must already count this step.
    func update(
        _ i: Int, _ parameters: FloatBuffer, _ gradients: FloatBuffer, gradientScale: Float, factor: Double
    ) {
        rule.update(i, parameters, gradients, gradientScale: gradientScale, factor: factor, step: steps)
    }
}

/// A learning-rate schedule as a factor on the base rate: linear warm-up, constant, decay.
public struct LearningRateSchedule: Sendable, Hashable {
    /// How the decay goes.
    public enum Shape: String, Sendable, CaseIterable {
        case linear
        /// Half a cosine wave, as the schedule `cosine` of transformers has it.
        case cosine
    }

    public var steps: Int
    /// Steps over which the factor rises to 1.
    public var warmup: Int
    /// Share of the steps, at the end, over which the factor falls.
    public var decayShare: Double
    /// The factor that the decay ends at.
    public var finalFactor: Double
    public var shape: Shape

    public init(
        steps: Int, warmup: Int = 0, decayShare: Double = 0, finalFactor: Double = 0.02,
        shape: Shape = .linear
    ) {
        self.steps = steps
        self.warmup = warmup
        self.decayShare = decayShare
        self.finalFactor = finalFactor
        self.shape = shape
    }

    /// The factor at step `step`, from 0.
    public func factor(at step: Int) -> Double {
        let rise = warmup > 0 ? min(1, Double(step + 1) / Double(warmup)) : 1
        let decaySteps = decayShare * Double(steps)
        let remaining = Double(steps - step)
        let left = decaySteps > 0 ? min(1, remaining / decaySteps) : 1
        let fall = shape == .linear ? left : (1 - cos(.pi * left)) / 2
        return rise * (finalFactor + (1 - finalFactor) * fall)
    }
}
