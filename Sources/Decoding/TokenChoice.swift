internal import Documents

/// How a token is chosen from a row of logits.
public struct TokenChoice: Sendable, Hashable {
    /// The published forms of sampling.
    ///
    /// All draw token v with probability softmax(logit / T); they differ in the random numbers that they take and in
    /// which distribution the probability and the entropy of a ``Prediction`` are of.
    public enum Form: Sendable, Hashable {
        /// LLaDA's: noise on each logit; probability and entropy are of the logits as they are.
        case gumbel
        /// d3LLM's for Dream: one draw; probability and entropy are of the logits as they are.
        case softmax
        /// Dream's own and that of autoregressive models: one draw; probability and entropy are of what was drawn
        /// from, with the temperature and the limits.
        case tempered
    }

    public var form: Form
    /// 0 takes the most probable token; larger values spread the choice.
    public var temperature: Double
    /// Only the most probable tokens that together pass this probability count; nil for all.
    public var topP: Double?
    /// Only this many most probable tokens, and their equals, count; nil for all.
    public var topK: Int?
    /// What makes tokens that are there already less probable, before anything else; nil for nothing.
    public var repetition: RepetitionPenalty?

    public init(_ form: Form = .gumbel, temperature: Double = 0, topP: Double? = nil, topK: Int? = nil) {
        self.form = form
        self.temperature = temperature
        self.topP = topP
        self.topK = topK
    }
}

/// Makes tokens less probable that the sequence has already: a logit x > 0 becomes x / factor, another x · factor, as
/// `RepetitionPenaltyLogitsProcessor` of transformers computes it (Keskar et al., arXiv 1909.05858).
public struct RepetitionPenalty: Sendable, Hashable {
    /// More than 1 punishes, less than 1 favours.
    public var factor: Double
    /// The tokens that are there, prompt included.
    public var tokens: Set<Int32>

    public init(factor: Double, tokens: Set<Int32>) { (self.factor, self.tokens) = (factor, tokens) }

    /// A row of logits (V) with the penalty; in 32-bit floats.
    func applied(to row: UnsafeBufferPointer<Float>) -> [Float] {
        var changed = Array(row)
        let factor = Float(factor)
        for token in tokens where changed.indices.contains(Int(token)) {
            let logit = changed[Int(token)]
            changed[Int(token)] = logit < 0 ? logit * factor : logit / factor
        }
        return changed
    }
}

extension Fields {
    /// The temperature at which tokens are drawn.
    func temperature(default value: Double) -> Double {
        option(
            "temperature", default: value, in: 0...1000,
            "0 takes the most probable token, larger values draw from softmax(logits / temperature).",
            meaning: .temperature)
    }

    /// How many of the most probable tokens count, by their probability.
    func topP(default value: Double?) -> Double? {
        option(
            "topP", default: value, in: 0...1,
            "Only the most probable tokens that together pass this probability count; null for all.",
            meaning: .topP)
    }

    /// How many of the most probable tokens count.
    func topK(default value: Int?) -> Int? {
        option(
            "topK", default: value, in: 1...1_000_000,
            "Number of most probable tokens that make probabilities and entropies; null for all, as upstream's evaluation has it (its Dream code alone defaults to 50)."
        )
    }
}
