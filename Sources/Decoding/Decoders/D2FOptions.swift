package import Documents

/// Options of ``D2FDecoder``; the defaults are those of the released evaluation scripts.
public struct D2FOptions: DecoderOptions {
    /// How the single prediction is chosen that a fully activated block accepts when none is confident enough.
    public enum Strategy: String, Sendable, Hashable, CaseIterable {
        /// Highest probability.
        case `default`
        /// Lowest entropy.
        case negEntropy = "neg_entropy"
        /// Largest distance between the two highest probabilities.
        case marginConfidence = "margin_confidence"
    }

    /// Tokens to generate at most; a last block that would be shorter than the others isn't generated.
    public var generationLength = 256
    /// Tokens per block.
    public var blockLength = 32
    /// Decoded share of the last block from which the next one is appended.
    public var blockAddThreshold = 0.1
    /// Decoded share of the block before from which a block is fully activated, for good.
    public var decodedTokenThreshold = 0.95
    /// Predictions with a higher probability than this are accepted.
    public var skipThreshold = 0.9
    /// See ``Strategy``.
    public var strategy = Strategy.default
    /// Whether everything after a decoded end token becomes the end token; upstream only stops appending blocks.
    public var earlyStop = false
    /// Oddities of the released code, each with both behaviours.
    public var quirks = Quirks.faithful

    public init() {}
}

extension D2FOptions {
    package init(_ fields: Fields, defaults: D2FOptions) {
        self = defaults
        (generationLength, blockLength) = fields.lengths(
            generation: defaults.generationLength, block: defaults.blockLength)
        (blockAddThreshold, decodedTokenThreshold) = fields.progressThresholds(
            add: defaults.blockAddThreshold, activate: defaults.decodedTokenThreshold,
            recordsActivate: true)
        skipThreshold = fields.option(
            "skipThreshold", default: defaults.skipThreshold, in: 0...1,
            "Predictions with a higher probability than this are accepted.", isAlwaysRecorded: true)
        strategy = fields.option(
            "strategy", default: defaults.strategy,
            "How a fully activated block chooses its one token when none is confident enough.")
        earlyStop = fields.earlyStop(
            default: defaults.earlyStop, "Whether everything after a decoded end token becomes the end token."
        )
        quirks.idleEvaluation = fields.option(
            "idleEvaluation", default: defaults.quirks.idleEvaluation,
            "Whether NFE counts the last turn, which makes no forward (faithful), or not (corrected).")
        if generationLength < blockLength {
            fields.reject(
                "generationLength",
                "\"generationLength\" is \(generationLength) and should be at least \"blockLength\", \(blockLength)."
            )
        }
    }

    public var lengths: DecodingLengths { DecodingLengths(response: generationLength, block: blockLength) }

    public func effort(prompt: Double, answer: Double) -> DecodingEffort? {
        let expected = ExpectedResponse(lengths, stopsEarly: earlyStop, prompt: prompt, answer: answer)
        let (wanted, block) = (expected.wanted, expected.block)
        let rate = ExpectedRate.limited(
            ExpectedRate.confidence(skipThreshold), block: block, severalBlocks: true)
        let forwards = max(wanted / rate, wanted / block)
        let tokens = min(wanted, 1.6 * block) + prompt / forwards
        return DecodingEffort(
            forwards: forwards, tokens: tokens, cached: prompt + wanted / 2,
            logitRows: min(tokens, 1.5 * block))
    }
}
