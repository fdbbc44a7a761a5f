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
    /// Where each parameter lies, and how much it decays.
    private let parameters: [(range: Range<Int>, decay: Double)]
    private let first: FloatBuffer
    private let second: FloatBuffer
    public var steps = 0

    /// An optimiser of parameters that lie one after another.
    /// - Parameter parameters: the number of elements of each, and whether it decays at all.
    public init(_ parameters: [(count: Int, decays: Bool)], _ options: Options) {
        self.options = options
        var end = 0
        self.parameters = parameters.map { count, decays in
            defer { end += count }
            return (end..<end + count, decays ? options.decay : 0)
        }
        first = FloatBuffer(zeros: end)
        second = FloatBuffer(zeros: end)
    }

    /// An optimiser of a model's parameters.
    /// - Parameter decays: whether the parameter decays at all.
    public convenience init(
        _ configuration: TransformerConfiguration, _ options: Options,
        decays: (ParameterSpecification) -> Bool
    ) {
        self.init(configuration.parameterSpecifications.map { ($0.count, decays($0)) }, options)
    }

    public var state: [(name: String, buffer: FloatBuffer)] {
        [("adamw.first", first), ("adamw.second", second)]
    }

    public func step(
        _ parameters: FloatBuffer, _ gradients: FloatBuffer, gradientScale: Float, factor: Double
    ) {
        steps += 1
        for i in self.parameters.indices {
            update(i, parameters, gradients, gradientScale: gradientScale, factor: factor)
        }
    }

    /// Updates one parameter; ``steps`` must already count this step.
    func update(
        _ i: Int, _ parameters: FloatBuffer, _ gradients: FloatBuffer, gradientScale: Float, factor: Double
    ) {
        let (range, decay) = self.parameters[i]
        let offset = range.lowerBound
        Kernels.adamW(
            UnsafeMutableBufferPointer(start: parameters.pointer + offset, count: range.count),
            gradient: gradients.pointer + offset, first: first.pointer + offset,
            second: second.pointer + offset,
            .init(
                learningRate: Float(options.learningRate * factor), beta1: Float(options.beta1),
                beta2: Float(options.beta2), epsilon: Float(options.epsilon), decay: Float(decay),
                gradientScale: gradientScale, step: steps))
    }
}
