package import Documents

/// Options of a decoder: read from named values, and able to make the decoder.
package protocol DecoderOptions: Sendable, Hashable {
    /// Reads and describes the options; what isn't given is as in `defaults`.
    ///
    /// Options that others leave without an effect are named with ``Fields/condition(_:isUsed:with:user:)``.
    init(_ fields: Fields, defaults: Self)

    /// Tokens of a response and of a block: what is counted and what forecasts go by.
    var lengths: DecodingLengths { get }

    /// The forwards that a response is expected to take; nil where nothing is known of that, which forecasts show as
    /// "?".
    ///
    /// - Parameters:
    ///   - prompt: Tokens of a prompt.
    ///   - answer: Tokens of an answer, its end token included.
    func effort(prompt: Double, answer: Double) -> DecodingEffort?

    /// Whether decoding needs a second model, which has the same tokens.
    var needsVerifier: Bool { get }
}

extension DecoderOptions {
    package var needsVerifier: Bool { false }
}

/// A method with its options set: what makes its decoders, and what is known of them beforehand.
package struct DecoderSetup: Sendable {
    /// See ``DecoderOptions/lengths``.
    package let lengths: DecodingLengths
    /// Makes the decoder of a sequence.
    package let make: DecoderFactory
    /// See ``DecoderOptions/needsVerifier``.
    package let needsVerifier: Bool

    private let expected: @Sendable (Double, Double) -> DecodingEffort?

    init<Options: DecoderOptions>(_ options: Options, make: @escaping DecoderFactory) {
        lengths = options.lengths
        self.make = make
        needsVerifier = options.needsVerifier
        expected = { options.effort(prompt: $0, answer: $1) }
    }

    /// See ``DecoderOptions/effort(prompt:answer:)``.
    package func effort(prompt: Double, answer: Double) -> DecodingEffort? { expected(prompt, answer) }
}

/// What options of decoders stand for.
extension FieldMeaning {
    /// Tokens that a response may have.
    package static let responseLength = FieldMeaning("response length")
    /// Tokens of a block.
    package static let blockLength = FieldMeaning("block length")
    /// Whether decoding ends with the end token.
    package static let earlyStop = FieldMeaning("early stop")
    /// The temperature at which tokens are drawn.
    package static let temperature = FieldMeaning("temperature")
    /// The probability that the most probable tokens pass together.
    package static let topP = FieldMeaning("top p")
}

/// Options that several decoders have.
extension Fields {
    /// The two lengths that every block decoder has.
    ///
    /// - Parameter fitsBlock: whether a shorter response has a shorter block where none is given.
    func lengths(generation: Int, block: Int, fitsBlock: Bool = false) -> (generation: Int, block: Int) {
        let generation = option(
            "generationLength", default: generation, in: 1...1_000_000, "Tokens to generate.",
            meaning: .responseLength)
        let block = option(
            "blockLength", default: fitsBlock ? min(block, generation) : block, in: 1...1_000_000,
            "Tokens per block.",
            meaning: .blockLength)
        return (generation, block)
    }

    /// Whether NFE counts a first forward that upstream leaves out.
    func countsPrefill(default value: Quirks.Behaviour) -> Quirks.Behaviour {
        option(
            "countsPrefill", default: value,
            "Whether NFE leaves the first forward out (faithful) or counts it (corrected).")
    }

    /// Whether decoding ends with the end token.
    func earlyStop(default value: Bool, _ summary: String) -> Bool {
        option("earlyStop", default: value, summary, meaning: .earlyStop)
    }

    /// Rejects a number of planned forwards that isn't the same for every block.
    func requireEqualSteps(_ steps: Int?, blocks: Int) {
        guard let steps, blocks > 0, steps % blocks != 0 else { return }
        reject("steps", "\"steps\" is \(steps) and should be a multiple of the \(blocks) blocks.")
    }

    /// Rejects a generation length that leaves a shorter last block.
    func requireWholeBlocks(generation: Int, block: Int) {
        guard generation % block != 0 else { return }
        reject(
            "generationLength",
            "\"generationLength\" is \(generation) and should be a multiple of \"blockLength\", \(block).")
    }
}

/// Tokens of a response: how many there may be, and how many form a block.
package struct DecodingLengths: Sendable, Hashable {
    /// Tokens of a response at most; what is behind them never counts.
    package var response: Int
    /// Tokens of a block; nil where a method has no blocks.
    package var block: Int?

    package init(response: Int, block: Int? = nil) {
        self.response = response
        self.block = block
    }
}

/// How many forwards a decoder is expected to make for a response, and how large they are.
///
/// What a decoder accepts depends on how sure its model is, which nobody knows beforehand; the expectations here are
/// those of models trained for the task. With c the smallest probability and e the largest entropy that is accepted, a
/// forward gives about 1.9 + 5.5 (1 − c) or 1.6 + 5.3 √e tokens, a third more where several blocks are decoded at
/// once, and at most 85 % of a block: fitted to the sweeps of the mini experiments, where single settings differ from it
/// by up to a half. Rules that plan their forwards are counted.
package struct DecodingEffort: Sendable, Hashable {
    /// Forwards per response.
    package var forwards: Double
    /// Tokens fed in, per forward.
    package var tokens: Double
    /// Tokens in the cache meanwhile.
    package var cached: Double
    /// Rows of logits per forward.
    package var logitRows: Double

    package init(forwards: Double, tokens: Double, cached: Double = 0, logitRows: Double) {
        self.forwards = forwards
        self.tokens = tokens
        self.cached = cached
        self.logitRows = logitRows
    }
}

/// The response that an expectation is of.
struct ExpectedResponse {
    let prompt: Double
    /// Tokens of the answer, its end token included.
    let answer: Double
    /// Tokens that there may be.
    let length: Double
    let block: Double
    /// Tokens that are decoded, in whole blocks.
    ///
    /// Without an early stop the rest is decoded as well, one end token after another.
    let wanted: Double

    init(_ lengths: DecodingLengths, stopsEarly: Bool, prompt: Double, answer: Double) {
        self.prompt = prompt
        length = Double(lengths.response)
        block = min(lengths.block.map(Double.init) ?? length, length)
        self.answer = min(answer, length)
        wanted = stopsEarly ? min(length, (self.answer / block).rounded(.up) * block) : length
    }

    /// Prompt and response.
    var whole: Double { prompt + length }

    /// The effort of blocks one after another beside an exact cache: forwards that decode, one for each block that joins the cache,
    /// and one for the prompt.
    func besideExactCache(rate: Double, logitRows: Double) -> DecodingEffort {
        let forwards = wanted / rate + wanted / block
        return DecodingEffort(
            forwards: forwards + 1, tokens: block + prompt / forwards, cached: prompt + wanted / 2,
            logitRows: logitRows)
    }
}

/// How many tokens a forward is expected to give.
enum ExpectedRate {
    /// With every probability accepted that is at least `threshold`.
    static func confidence(_ threshold: Double) -> Double {
        let threshold = min(threshold, 1)
        return threshold >= 1 ? 1 : 1.9 + 5.5 * (1 - threshold)
    }

    /// With every entropy accepted that is at most `threshold`.
    static func entropy(_ threshold: Double) -> Double { 1.6 + 5.3 * threshold.squareRoot() }

    /// The rate that is left of `rate` in a block, or in several that are decoded at once.
    static func limited(_ rate: Double, block: Double, severalBlocks: Bool = false) -> Double {
        rate == 1 ? 1 : max(1, min(rate * (severalBlocks ? 1.35 : 1), 0.85 * block))
    }
}

extension AcceptanceRule {
    /// Tokens that a forward is expected to give; nil where that is planned.
    var expectedRate: Double? {
        switch self {
        case .scheduled: nil
        case .confidence(let threshold): ExpectedRate.confidence(threshold)
        case .entropy(let threshold): ExpectedRate.entropy(threshold)
        // Entropies below a bound of 0 don't exist: then the best one of a forward is taken.
        case .entropyBelow(let threshold): threshold > 0 ? ExpectedRate.entropy(threshold) : 1
        case .factor: 3.4
        }
    }
}
