package import Documents

/// Options of ``MultiBlockDecoder``; the defaults are d3LLM's published settings.
public struct MultiBlockOptions: DecoderOptions {
    /// Tokens to generate.
    public var generationLength = 256
    /// Tokens per block.
    public var blockLength = 32
    /// Entropy in nats up to which predictions are accepted; nil accepts all.
    public var threshold: Double? = 0.5
    /// Decoded share of the last block from which the next one is created.
    public var blockAddThreshold = 0.1
    /// Decoded share of the block before from which a block is fully activated.
    public var decodedTokenThreshold = 0.95
    /// 0 takes the most probable token; larger values draw from softmax(logits / temperature).
    ///
    /// Entropies are those without it. d3LLM's Dream evaluation has 0.1 in some benchmarks. LLaDA's version draws with noise on the logits and forces the
    /// most probable token; Dream's draws once and forces what was drawn.
    public var temperature = 0.0
    /// Whether everything after a decoded end token becomes the end token.
    public var earlyStop = true
    /// When an end token may be decoded.
    public var endTokens = EndTokens.any
    /// Decoding gives up when NFE exceeds this, as upstream does.
    public var evaluationLimit = 10_000
    /// What differs between upstream's LLaDA and Dream versions.
    public var rules = MultiBlockRules.llada
    /// Oddities of the released code, each with both behaviours.
    public var quirks = Quirks.faithful

    /// Rules for end tokens.
    public enum EndTokens: String, CaseIterable, Sendable {
        /// As other tokens, as released.
        case any
        /// Only where nothing before it stays masked, so that no answer ends in front of what is still to be decoded.
        case inOrder = "in-order"
    }

    public init() {}

    package init(_ fields: Fields, defaults: MultiBlockOptions) {
        self.init(fields, defaults: defaults, usesCache: false)
    }

    /// - Parameter usesCache: Whether the decoder has a cache, which some options are for.
    init(_ fields: Fields, defaults: MultiBlockOptions, usesCache: Bool) {
        self = defaults
        (generationLength, blockLength) = fields.lengths(
            generation: defaults.generationLength, block: defaults.blockLength)
        threshold = fields.option(
            "threshold", default: defaults.threshold, in: 0...1000,
            "Largest entropy in nats to accept; null accepts all.", isAlwaysRecorded: true)
        (blockAddThreshold, decodedTokenThreshold) = fields.progressThresholds(
            add: defaults.blockAddThreshold, activate: defaults.decodedTokenThreshold)
        temperature = fields.temperature(default: defaults.temperature)
        earlyStop = fields.earlyStop(
            default: defaults.earlyStop, "Whether everything after a decoded end token becomes the end token."
        )
        endTokens = fields.option(
            "endTokens", default: defaults.endTokens,
            "When an end token may be decoded: any (as other tokens, as released), or in-order (only where nothing before it stays masked; not upstream's)."
        )
        rules =
            fields.option(
                "family", default: MultiBlockRules.Family.llada,
                "Whose version of the rules: LLaDA's or Dream's."
            ).rules
        quirks = Quirks(fields, defaults: defaults.quirks)
        if !rules.decodesPartialBlock {
            fields.requireWholeBlocks(generation: generationLength, block: blockLength)
        }
        fields.condition(
            "snapshot", isUsed: earlyStop, with: "\"earlyStop\" false", user: "\"earlyStop\" true")
        fields.condition(
            "globalBest", "thresholdTies", isUsed: rules == .llada, with: "the family \"dream\"",
            user: "the family \"llada\"")
        fields.condition(
            "duplicateKeys", isUsed: usesCache && rules == .dream,
            with: usesCache ? "the family \"llada\"" : "no cache",
            user: usesCache ? "the family \"dream\"" : "decoding with a cache")
        fields.condition(
            "boundaryRow", isUsed: usesCache, with: "no cache", user: "decoding with a cache")
    }

    public var lengths: DecodingLengths { DecodingLengths(response: generationLength, block: blockLength) }

    /// The effort with the whole sequence in each forward; several blocks at once end with the answer, not with its
    /// block.
    public func effort(prompt: Double, answer: Double) -> DecodingEffort? {
        effort(ExpectedResponse(lengths, stopsEarly: earlyStop, prompt: prompt, answer: answer))
    }

    func effort(_ expected: ExpectedResponse) -> DecodingEffort {
        let rate = ExpectedRate.limited(
            threshold.map(ExpectedRate.entropy) ?? expected.block, block: expected.block, severalBlocks: true)
        return DecodingEffort(
            forwards: max((earlyStop ? expected.answer : expected.wanted) / rate, 1), tokens: expected.whole,
            logitRows: min(expected.length, 2 * expected.block))
    }

    var entropyRule: EntropyRule {
        EntropyRule(
            threshold: threshold ?? .infinity,
            includesThreshold: rules.includesThreshold && quirks.thresholdTies == .faithful,
            acceptsBest: rules.acceptsBest && quirks.globalBest == .faithful)
    }

    /// How tokens are chosen from a row of logits.
    var choice: TokenChoice { TokenChoice(rules.addsNoise ? .gumbel : .softmax, temperature: temperature) }
}

/// Options of ``CachedMultiBlockDecoder``.
public struct CachedMultiBlockOptions: DecoderOptions {
    /// What it has in common with decoding without a cache.
    public var blocks = MultiBlockOptions()
    /// Turns that a finished block goes on being forwarded before its keys and values are stored.
    public var cacheDelay = 2
    /// The cache is made anew in every turn whose NFE is a multiple of this.
    public var refreshInterval = 10_000

    public init() {}

    package init(_ fields: Fields, defaults: CachedMultiBlockOptions) {
        self = defaults
        blocks = MultiBlockOptions(fields, defaults: defaults.blocks, usesCache: true)
        cacheDelay = fields.option(
            "cacheDelay", default: defaults.cacheDelay, in: 0...1_000_000,
            "Turns that a finished block goes on being forwarded before it is cached.", isAlwaysRecorded: true
        )
        refreshInterval = fields.option(
            "refreshInterval", default: defaults.refreshInterval, in: 1...1_000_000,
            "The cache is made anew in every turn whose NFE is a multiple of this.", isAlwaysRecorded: true)
    }

    public var lengths: DecodingLengths { blocks.lengths }

    public func effort(prompt: Double, answer: Double) -> DecodingEffort? {
        let expected = ExpectedResponse(
            blocks.lengths, stopsEarly: blocks.earlyStop, prompt: prompt, answer: answer)
        var effort = blocks.effort(expected)
        let interval = min(Double(refreshInterval), max(1, effort.forwards))
        effort.tokens = (expected.whole + (interval - 1) * 0.85 * expected.length) / interval
        effort.cached = expected.whole - effort.tokens
        return effort
    }
}

extension Fields {
    /// The two thresholds that create and fully activate blocks.
    ///
    /// - Parameter recordsActivate: Whether recipes hold the second at its default too.
    func progressThresholds(
        add: Double, activate: Double, recordsActivate: Bool = false
    ) -> (add: Double, activate: Double) {
        let add = option(
            "blockAddThreshold", default: add, in: 0...1,
            "Decoded share of the last block from which the next one is created.", isAlwaysRecorded: true)
        let activate = option(
            "decodedTokenThreshold", default: activate, in: 0...1,
            "Decoded share of the block before from which a block is fully activated.",
            isAlwaysRecorded: recordsActivate)
        return (add, activate)
    }
}
