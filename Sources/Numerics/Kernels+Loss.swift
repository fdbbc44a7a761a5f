internal import CKernels

/// Loss terms of one position.
public struct RowLoss: Sendable {
    /// `-ln softmax(logits)[target]`, in nats.
    public var crossEntropy: Float
    /// Entropy of `softmax(logits / temperature)`, in nats.
    public var entropy: Float
    /// Whether the most probable token is the target.
    public var isCorrect: Bool

    public init(crossEntropy: Float, entropy: Float, isCorrect: Bool) {
        self.crossEntropy = crossEntropy
        self.entropy = entropy
        self.isCorrect = isCorrect
    }
}

extension Kernels {
    /// Cross-entropy and tempered entropy of one row of logits (V).
    public static func rowLoss(
        _ logits: UnsafeBufferPointer<Float>, target: Int32, temperature: Float
    ) -> RowLoss {
        precondition(target >= 0 && Int(target) < logits.count, "target \(target) of \(logits.count) tokens")
        let loss = d3_loss_row(logits.baseAddress, logits.count, target, temperature)
        return RowLoss(crossEntropy: loss.cross_entropy, entropy: loss.entropy, isCorrect: loss.correct)
    }

    /// Gradient (V) of `ceWeight · crossEntropy + entropyWeight · entropy` with respect to the logits (V).
    public static func rowLossBackward(
        _ logits: UnsafeBufferPointer<Float>, target: Int32, ceWeight: Float, entropyWeight: Float,
        temperature: Float, into gradient: UnsafeMutableBufferPointer<Float>
    ) {
        precondition(
            gradient.count == logits.count && target >= 0 && Int(target) < logits.count,
            "a gradient for each logit, and a token that there is")
        d3_loss_row_backward(
            logits.baseAddress, gradient.baseAddress, logits.count, target, ceWeight, entropyWeight,
            temperature)
    }

    /// Cross-entropy of one row of logits (V) against a distribution (V), in nats.
    public static func softCrossEntropy(
        _ logits: UnsafeBufferPointer<Float>, target: UnsafeBufferPointer<Float>
    ) -> Float {
        precondition(logits.count == target.count && !logits.isEmpty, "one probability per logit")
        return d3_soft_cross_entropy(logits.baseAddress, target.baseAddress, logits.count)
    }

    /// Gradient (V) of `weight · softCrossEntropy` with respect to the logits (V).
    public static func softCrossEntropyBackward(
        _ logits: UnsafeBufferPointer<Float>, target: UnsafeBufferPointer<Float>, weight: Float,
        into gradient: UnsafeMutableBufferPointer<Float>
    ) {
        precondition(
            logits.count == target.count && gradient.count == logits.count && !logits.isEmpty,
            "one probability and one gradient per logit")
        d3_soft_cross_entropy_backward(
            logits.baseAddress, target.baseAddress, gradient.baseAddress, logits.count, weight)
    }

    /// Probabilities (V) of one row of logits (V).
    public static func softmax(
        _ logits: UnsafeBufferPointer<Float>, into probabilities: UnsafeMutableBufferPointer<Float>
    ) {
        precondition(logits.count == probabilities.count && !logits.isEmpty, "one probability per logit")
        d3_softmax(logits.baseAddress, probabilities.baseAddress, logits.count)
    }
}
