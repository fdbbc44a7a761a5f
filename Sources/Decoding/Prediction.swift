/// The model's answer for one candidate position.
public struct Prediction: Sendable, Hashable {
    /// Absolute position in the sequence.
    public var position: Int
    /// The most probable token (lowest id among equals), or the drawn one when sampling.
    public var token: Int32
    /// Softmax probability of ``token``.
    public var probability: Double
    /// Softmax probability of the second most probable token.
    public var secondProbability: Double
    /// Entropy of the softmax, in nats.
    public var entropy: Double
    /// 1 − ``probability``, kept apart because it still tells predictions apart whose probability rounds to 1.
    public var doubt: Double
    /// The most probable token, whatever was drawn.
    public var best: Int32
    /// 1 − the probability of ``best``.
    public var bestDoubt: Double

    /// 1 − the distance between the two highest probabilities; keeps apart what rounds to a distance of 1.
    var marginDoubt: Double { bestDoubt + secondProbability }

    /// Creates a prediction of the most probable token; `doubt` follows from `probability` unless it is known more
    /// exactly.
    public init(
        position: Int, token: Int32, probability: Double, secondProbability: Double = 0, entropy: Double,
        doubt: Double? = nil
    ) {
        self.position = position
        self.token = token
        self.probability = probability
        self.secondProbability = secondProbability
        self.entropy = entropy
        self.doubt = doubt ?? 1 - probability
        best = token
        bestDoubt = self.doubt
    }
}
