internal import Documents
internal import Numerics

/// How a token is chosen from a row of logits.
public struct TokenChoice: Sendable, Hashable {
    /// The published forms of sampling.
    ///
    /// All draw token v with probability softmax(logit / T); they differ in the random numbers that they take and in
    /// which distribution the probability and the entropy of a ``Prediction`` are of.
    package enum Form: Sendable, Hashable {
        /// LLaDA's: noise on each logit; probability and entropy are of the logits as they are.
        case gumbel
        /// d3LLM's for Dream: one draw; probability and entropy are of the logits as they are.
        case softmax
        /// Dream's own and that of autoregressive models: one draw; probability and entropy are of what was drawn
        /// from, with the temperature and the limits.
        case tempered
        /// SDAR's evaluation: one draw from what temperature and limits leave; probability and entropy are of all tokens
        /// at that temperature.
        case open
        /// APD's: noise on each logit of what temperature and limits leave, raised to the temperature once more, so that tokens are
        /// drawn with probability softmax(logit / T²); probability and entropy are of the logits as they are.
        case squared
        /// Stitching's: noise on each logit of what temperature and limits leave, which draws token v with probability
        /// softmax(logit / T); probability and entropy are of the logits as they are.
        case limited
    }

    package var form: Form
    /// 0 takes the most probable token; larger values spread the choice.
    package var temperature: Double
    /// Only the most probable tokens that together pass this probability count; nil for all.
    package var topP: Double?
    /// Only this many most probable tokens, and their equals, count; nil for all.
    package var topK: Int?
    /// Whether ``topK`` limits before ``topP`` does (SDAR) instead of after it (Dream).
    package var limitsNumberFirst = false
    /// A token that is never chosen and has no probability.
    package var forbidden: Int32?
    /// Whether the highest id among equals is taken instead of the lowest.
    package var takesLastOfEquals = false
    /// What makes tokens that are there already less probable, before anything else; nil for nothing.
    package var repetition: RepetitionPenalty?

    package init(_ form: Form = .gumbel, temperature: Double = 0, topP: Double? = nil, topK: Int? = nil) {
        self.form = form
        self.temperature = temperature
        self.topP = topP
        self.topK = topK
    }
}

/// Makes tokens less probable that the sequence has already: a logit x > 0 becomes x / factor, another x · factor, as
/// `RepetitionPenaltyLogitsProcessor` of transformers computes it (Keskar et al., arXiv 1909.05858).
package struct RepetitionPenalty: Sendable, Hashable {
    /// More than 1 punishes, less than 1 favours.
    package var factor: Double
    /// The tokens that are there, prompt included.
    package var tokens: Set<Int32>

    package init(factor: Double, tokens: Set<Int32>) { (self.factor, self.tokens) = (factor, tokens) }

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

/// Names the random numbers of one sequence, and may set a temperature in place of its method's.
///
/// Draws are keyed by (seed, sample, attempt, step, position): neither the batch that a sample is decoded in
/// nor its place there changes them.
public struct Sampling: Sendable, Hashable {
    /// In place of the method's own temperature; nil leaves that.
    package var temperature: Double?
    package var seed: UInt64
    /// Index of the sample in its set.
    package var sample: UInt64
    /// Number of the attempt at this sample, from 0.
    package var attempt: Int
    /// Numbers to be used again; nil draws new ones.
    package var script: Script?

    /// Where numbers come from that repeat a recorded run.
    package enum Script: Sendable, Hashable {
        /// A list for each time that tokens were drawn for some positions at once.
        case lists([[Double]])
        /// Tokens that were drawn for drafts, in order.
        case tokens([Int32])
        /// Noise on logits from a congruence of step, absolute position and token modulo 65,537, with a seed.
        case congruence(seed: Int)
        /// Noise on logits from a SplitMix64 stream, a number of 53 bits for each token of each row, row after row.
        case splitMix(seed: UInt64)
        /// The same with numbers of 24 bits, in 32-bit floats.
        case shortSplitMix(seed: UInt64)
    }

    package init(
        temperature: Double? = nil, seed: UInt64, sample: UInt64, attempt: Int = 0, script: Script? = nil
    ) {
        precondition(
            temperature.map { $0 >= 0 && $0.isFinite } ?? true, "a temperature is a finite number from 0")
        self.script = script
        self.temperature = temperature
        self.seed = seed
        self.sample = sample
        self.attempt = attempt
    }

    /// What names the draws of a sequence that nobody named: its prompt.
    ///
    /// Equal prompts get equal draws, so whoever decodes a prompt several times gives each its own attempt.
    init(prompt: [Int32]) {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325  // FNV-1a
        for token in prompt { hash = (hash ^ UInt64(UInt32(bitPattern: token))) &* 0x100_0000_01b3 }
        self.init(seed: 0, sample: hash)
    }
}

extension Sampling {
    /// The numbers of the script's list `index`, by position; nil where there is none of that length.
    func replayed(_ index: Int, for positions: some Collection<Int>) -> [Int: Double]? {
        guard case .lists(let lists) = script, lists.indices.contains(index),
            lists[index].count == positions.count
        else { return nil }
        return Dictionary(uniqueKeysWithValues: zip(positions, lists[index]))
    }
}

/// The draws of one forward of one sample.
public struct SamplingStep: Sendable, Hashable {
    package var sampling: Sampling
    /// Number of forwards of this sample before this one.
    package var step: Int
    /// Numbers that are used again instead of new ones, by position.
    var replayed: [Int: Double]?
    /// What a position is less in the rows that a recorded run drew noise for.
    var replayedRows: Int?

    init(_ sampling: Sampling, step: Int) {
        self.sampling = sampling
        self.step = step
    }

    /// The random numbers for one purpose and position.
    private func stream(_ purpose: String, _ position: Int) -> RandomStream {
        RandomStream(
            seed: sampling.seed, purpose: "\(purpose)/\(sampling.attempt)/\(step)/\(position)",
            sample: sampling.sample)
    }

    /// A number in [0, 1).
    func uniform(_ purpose: String, at position: Int) -> Double {
        if let number = replayed?[position] { return number }
        var stream = stream(purpose, position)
        return stream.nextDouble()
    }

    /// A number with the standard Gumbel distribution: the largest of several logits plus one such number each is
    /// distributed as their softmax.
    func gumbel(_ purpose: String, at position: Int) -> Double {
        -Elementary.log(-Elementary.log(uniform(purpose, at: position)))
    }

    /// Draws a token for `position` from one row of logits (V) that `choice` has limited already.
    func token(for position: Int, _ logits: UnsafeBufferPointer<Float>, _ choice: TokenChoice) -> Int32 {
        switch choice.form {
        case .gumbel, .squared: gumbelToken(for: position, logits, temperature: choice.temperature)
        case .limited: gumbelToken(for: position, logits, temperature: 1)
        case .softmax: softmaxToken(for: position, logits, temperature: choice.temperature)
        case .tempered, .open: softmaxToken(for: position, logits, temperature: 1)
        }
    }

    /// LLaDA's rule `argmax(exp(logit) / (−ln u)^T)` with u uniform, computed in double precision as
    /// `argmax(logit − T · ln(−ln u))`, which orders alike and can't overflow.
    private func gumbelToken(
        for position: Int, _ logits: UnsafeBufferPointer<Float>, temperature: Double
    ) -> Int32 {
        var stream = stream("gumbel", position)
        var best = (token: 0, value: -Double.infinity)
        for (token, logit) in logits.enumerated() {
            let number = recordedNoise(position, token, of: logits.count) ?? stream.nextDouble()
            let noise = Elementary.log(-Elementary.log(number))
            let value = Double(logit) - temperature * noise
            if value > best.value { best = (token, value) }
        }
        return Int32(best.token)
    }

    /// The number that a recorded run drew, between 0 and 1; nil where it is to be drawn.
    private func recordedNoise(_ position: Int, _ token: Int, of vocabulary: Int) -> Double? {
        if case .splitMix(let seed) = sampling.script, let replayedRows {
            return Double(SplitMix64(seed).number((position + replayedRows) * vocabulary + token) >> 11)
                * 0x1p-53
        }
        if case .shortSplitMix(let seed) = sampling.script, let replayedRows {
            let number = SplitMix64(seed).number((position + replayedRows) * vocabulary + token)
            return max(Double(number >> 40) * 0x1p-24, 1e-20)
        }
        guard case .congruence(let seed) = sampling.script else { return nil }
        let prime = 65_537
        let h = (7919 * step + 104_729 * position + 15_485_863 * token + 32_452_843 * seed) % prime
        return (Double((31 * h * h + 17 * h + 11) % prime) + 0.5) / Double(prime)
    }

    /// The token at which the softmax's cumulated probabilities pass a uniform number.
    private func softmaxToken(
        for position: Int, _ logits: UnsafeBufferPointer<Float>, temperature: Double
    ) -> Int32 {
        let top = Double(logits.max() ?? 0)
        func weight(_ logit: Float) -> Double { Elementary.exp((Double(logit) - top) / temperature) }
        let target = uniform("softmax", at: position) * logits.reduce(0) { $0 + weight($1) }
        var passed = 0.0
        var last = 0
        for (token, logit) in logits.enumerated() {
            let weight = weight(logit)
            if weight > 0 { last = token }
            passed += weight
            if passed > target { return Int32(token) }
        }
        return Int32(last)
    }
}

/// Steele, Lea and Flood's SplitMix64, the stream that recorded runs draw from: any of its numbers can be had at once.
package struct SplitMix64: Sendable {
    private let seed: UInt64

    package init(_ seed: UInt64) { self.seed = seed }

    /// The number with this index, from 0.
    package func number(_ index: Int) -> UInt64 {
        var z = seed &+ (UInt64(index) &+ 1) &* 0x9E37_79B9_7F4A_7C15
        z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
        return z ^ z >> 31
    }
}
