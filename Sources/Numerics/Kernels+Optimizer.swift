internal import CKernels

extension Kernels {
    /// Constants of one AdamW step; see ``Kernels/adamW(_:gradient:first:second:step:)``.
    public struct AdamWStep: Sendable {
        public var learningRate: Float
        public var beta1: Float
        public var beta2: Float
        public var epsilon: Float
        /// Decoupled weight decay: parameters are first multiplied by `1 - learningRate · decay`.
        public var decay: Float
        /// Factor on the gradient, from clipping.
        public var gradientScale: Float
        /// Number of this step, from 1; gives the bias corrections.
        public var step: Int

        public init(
            learningRate: Float, beta1: Float, beta2: Float, epsilon: Float, decay: Float,
            gradientScale: Float,
            step: Int
        ) {
            self.learningRate = learningRate
            self.beta1 = beta1
            self.beta2 = beta2
            self.epsilon = epsilon
            self.decay = decay
            self.gradientScale = gradientScale
            self.step = step
        }
    }

    /// One AdamW update of parameters in place, as `torch.optim.AdamW` does it.
    public static func adamW(
        _ parameters: UnsafeMutableBufferPointer<Float>, gradient: UnsafePointer<Float>,
        first: UnsafeMutablePointer<Float>, second: UnsafeMutablePointer<Float>, _ s: AdamWStep
    ) {
        let correction1 = 1 - Elementary.pow(Double(s.beta1), Double(s.step))
        let correction2 = 1 - Elementary.pow(Double(s.beta2), Double(s.step))
        d3_adamw(
            parameters.baseAddress, gradient, first, second, parameters.count, s.gradientScale,
            s.learningRate,
            s.beta1, s.beta2, s.epsilon, s.decay, Float(correction1), Float(correction2))
    }

    /// `momentum = beta · momentum + g`, `out = g + beta · momentum`, with g the scaled gradient.
    public static func nesterov(
        gradient: UnsafePointer<Float>, momentum: UnsafeMutableBufferPointer<Float>,
        into out: UnsafeMutablePointer<Float>, gradientScale: Float, beta: Float
    ) {
        d3_nesterov(gradient, momentum.baseAddress, out, momentum.count, gradientScale, beta)
    }
}
