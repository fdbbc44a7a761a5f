public import Numerics
public import Transformers

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

    private let options: Options
    /// Decay of each parameter, in order of layout.
    private let decays: [Double]
    private let first: FloatBuffer
    private let second: FloatBuffer
    public var steps = 0

    /// - Parameter decays: whether the parameter decays at all.
    public init(
        _ configuration: TransformerConfiguration, _ options: Options,
        decays: (ParameterSpecification) -> Bool
    ) {
        self.options = options
        self.decays = configuration.parameterSpecifications.map { decays($0) ? options.decay : 0 }
        first = FloatBuffer(zeros: configuration.parameterCount)
        second = FloatBuffer(zeros: configuration.parameterCount)
    }

    public var state: [(name: String, buffer: FloatBuffer)] {
        [("adamw.first", first), ("adamw.second", second)]
    }

    public func step(
        _ parameters: FlatParameters, _ gradients: FlatParameters, gradientScale: Float, factor: Double
    ) {
        steps += 1
        for i in parameters.specifications.indices {
            update(i, parameters, gradients, gradientScale: gradientScale, factor: factor)
        }
    }

    /// Updates one parameter; ``steps`` must already count this step.
    func update(
        _ i: Int, _ parameters: FlatParameters, _ gradients: FlatParameters, gradientScale: Float,
        factor: Double
    ) {
        let offset = parameters.specifications[i].offset
        Kernels.adamW(
            parameters.elements(of: i), gradient: gradients.buffer.pointer + offset,
            first: first.pointer + offset, second: second.pointer + offset,
            .init(
                learningRate: Float(options.learningRate * factor), beta1: Float(options.beta1),
                beta2: Float(options.beta2), epsilon: Float(options.epsilon), decay: Float(decays[i]),
                gradientScale: gradientScale, step: steps))
    }
}
