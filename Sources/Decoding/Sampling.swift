internal import Numerics

/// Random choice of tokens at a temperature, reproducible per sample.
///
/// Draws are keyed by (seed, sample, attempt, step, position): neither the batch that a sample is decoded in
/// nor its place there changes them.
public struct Sampling: Sendable, Hashable {
    /// 0 takes the most probable token; larger values spread the choice.
    public var temperature: Double
    public var seed: UInt64
    /// Index of the sample in its set.
    public var sample: UInt64
    /// Number of the attempt at this sample, from 0.
    public var attempt: Int

    public init(temperature: Double, seed: UInt64, sample: UInt64, attempt: Int = 0) {
        precondition(temperature >= 0 && temperature.isFinite, "a temperature is a finite number from 0")
        self.temperature = temperature
        self.seed = seed
        self.sample = sample
        self.attempt = attempt
    }
}

/// The draws of one forward of one sample.
public struct SamplingStep: Sendable, Hashable {
    public var sampling: Sampling
    /// Number of forwards of this sample before this one.
    public var step: Int

    init(_ sampling: Sampling, step: Int) {
        self.sampling = sampling
        self.step = step
    }

    /// Draws a token for `position` from one row of logits (V).
    ///
    /// LLaDA's rule `argmax(exp(logit) / (−ln u)^T)` with u uniform, computed in double precision as
    /// `argmax(logit − T · ln(−ln u))`, which orders alike and can't overflow. At T = 1 it draws from the
    /// softmax; other values aren't the usual softmax(logit / T), which is how upstream has it.
    func token(for position: Int, _ logits: UnsafeBufferPointer<Float>) -> Int32 {
        var stream = RandomStream(
            seed: sampling.seed, purpose: "gumbel/\(sampling.attempt)/\(step)/\(position)",
            sample: sampling.sample)
        var best = (token: 0, value: -Double.infinity)
        for (token, logit) in logits.enumerated() {
            let noise = Elementary.log(-Elementary.log(stream.nextDouble()))
            let value = Double(logit) - sampling.temperature * noise
            if value > best.value { best = (token, value) }
        }
        return Int32(best.token)
    }
}
