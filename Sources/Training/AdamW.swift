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
