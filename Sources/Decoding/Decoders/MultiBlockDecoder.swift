package import Documents

/// d3LLM's entropy-based multi-block decoding without a cache (`generate_multi_block`).
///
/// Blocks are created when their predecessor is decoded a little and fully activated when it is decoded almost
/// wholly; every forward sees the whole sequence and may decode in all created blocks.
package struct MultiBlockDecoder: Decoder {
    private var core: MultiBlockCore

    package init(_ task: DecodingTask, _ options: MultiBlockOptions) {
        core = MultiBlockCore(task, options)
    }

    package var state: DecodingState { core.state }
    package var maximumLength: Int { core.ledger.layout.end }

    package mutating func nextRequest() -> ForwardRequest? {
        guard let activeEnd = core.openTurn() else { return nil }
        let request = ForwardRequest(
            .full, inputs: 0..<core.state.tokens.count, candidates: core.candidates(before: activeEnd))
        return core.state.issue(request, blocks: core.ledger.states(usesCache: false))
    }

    @discardableResult
    package mutating func accept(_ predictions: [Prediction]) -> StepRecord {
        core.closeTurn(predictions)
    }
}

extension DecodingMethod {
    static let multiBlock = DecodingMethod(
        "multi-block", "d3LLM: several blocks at once, entropy threshold, no cache.",
        defaults: MultiBlockOptions()
    ) { MultiBlockDecoder($0, $1) }
}

/// Options of ``MultiBlockDecoder``; the defaults are d3LLM's published settings.
package struct MultiBlockOptions: DecoderOptions {
    /// Tokens to generate.
    package var generationLength = 256
    /// Tokens per block.
    package var blockLength = 32
    /// Entropy in nats up to which predictions are accepted; nil accepts all.
    package var threshold: Double? = 0.5
    /// Decoded share of the last block from which the next one is created.
    package var blockAddThreshold = 0.1
    /// Decoded share of the block before from which a block is fully activated.
    package var decodedTokenThreshold = 0.95
    /// 0 takes the most probable token; larger values draw from softmax(logits / temperature).
    ///
    /// Entropies are those without it. d3LLM's Dream evaluation has 0.1 in some benchmarks. LLaDA's version draws with noise on the logits and forces the
    /// most probable token; Dream's draws once and forces what was drawn.
    package var temperature = 0.0
    /// Whether everything after a decoded end token becomes the end token.
    package var earlyStop = true
    /// When an end token may be decoded.
    package var endTokens = EndTokens.any
    /// Decoding gives up when NFE exceeds this, as upstream does.
    package var evaluationLimit = 10_000
    /// What differs between upstream's LLaDA and Dream versions.
    package var rules = MultiBlockRules.llada
    /// Oddities of the released code, each with both behaviours.
    package var quirks = Quirks.faithful

    /// Rules for end tokens.
    package enum EndTokens: String, CaseIterable, Sendable {
        /// As other tokens, as released.
        case any
        /// Only where nothing before it stays masked, so that no answer ends in front of what is still to be decoded.
        case inOrder = "in-order"
    }

    package init() {}

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

    package var lengths: DecodingLengths { DecodingLengths(response: generationLength, block: blockLength) }

    /// The effort with the whole sequence in each forward; several blocks at once end with the answer, not with its
    /// block.
    package func effort(prompt: Double, answer: Double) -> DecodingEffort? {
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
package struct CachedMultiBlockOptions: DecoderOptions {
    /// What it has in common with decoding without a cache.
    package var blocks = MultiBlockOptions()
    /// Turns that a finished block goes on being forwarded before its keys and values are stored.
    package var cacheDelay = 2
    /// The cache is made anew in every turn whose NFE is a multiple of this.
    package var refreshInterval = 10_000

    package init() {}

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

    package var lengths: DecodingLengths { blocks.lengths }

    package func effort(prompt: Double, answer: Double) -> DecodingEffort? {
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

/// What differs between the LLaDA and the Dream version of d3LLM's multi-block decoding.
package struct MultiBlockRules: Sendable, Hashable {
    /// Whether an entropy equal to the threshold is accepted (LLaDA) or only a smaller one (Dream).
    package var includesThreshold: Bool
    /// Whether the lowest entropy of all candidates is accepted whatever it is, even in a block that isn't
    /// fully activated (LLaDA).
    package var acceptsBest: Bool
    /// Whether an early stop counts every block's masks anew and activates the empty ones (Dream), or settles
    /// only the block of the end token and those after it (LLaDA).
    package var recountsAfterEnd: Bool
    /// Whether a block that is done but not cached keeps those after it from being looked at for the cache.
    ///
    /// LLaDA's does; in Dream's, several blocks can be waiting at once.
    package var waitsForStabilizing: Bool
    /// Whether an early stop marks the blocks after the end token as cached (Dream) or only those that it
    /// creates (LLaDA).
    package var cachesBlocksAfterEnd: Bool
    /// Whether tokens are drawn with noise on the logits and the forced one is the most probable (LLaDA), or all are
    /// drawn from the softmax (Dream); the same without a temperature.
    package var addsNoise: Bool
    /// Whether a last block that is shorter than the others is decoded (Dream).
    ///
    /// Upstream does so with a cache only. Its other versions never decode such a block and make forwards in vain up
    /// to their limit; here it is decoded without a cache too, and LLaDA's version asks for whole blocks.
    package var decodesPartialBlock: Bool

    /// The version for LLaDA models.
    package static let llada = MultiBlockRules(
        includesThreshold: true, acceptsBest: true, recountsAfterEnd: false, waitsForStabilizing: true,
        cachesBlocksAfterEnd: false, addsNoise: true, decodesPartialBlock: false)
    /// The version for Dream models.
    package static let dream = MultiBlockRules(
        includesThreshold: false, acceptsBest: false, recountsAfterEnd: true, waitsForStabilizing: false,
        cachesBlocksAfterEnd: true, addsNoise: false, decodesPartialBlock: true)

    /// The model families that upstream has a version for.
    enum Family: String, CaseIterable {
        case llada, dream

        var rules: MultiBlockRules { self == .llada ? .llada : .dream }
    }

    package init(
        includesThreshold: Bool, acceptsBest: Bool, recountsAfterEnd: Bool, waitsForStabilizing: Bool,
        cachesBlocksAfterEnd: Bool, addsNoise: Bool, decodesPartialBlock: Bool
    ) {
        self.includesThreshold = includesThreshold
        self.acceptsBest = acceptsBest
        self.recountsAfterEnd = recountsAfterEnd
        self.waitsForStabilizing = waitsForStabilizing
        self.cachesBlocksAfterEnd = cachesBlocksAfterEnd
        self.addsNoise = addsNoise
        self.decodesPartialBlock = decodesPartialBlock
    }
}

/// What d3LLM's multi-block decoding does in each turn with or without a cache: everything but the choice of
/// what to forward.
struct MultiBlockCore: Sendable {
    var state: DecodingState
    var ledger: BlockLedger
    let options: MultiBlockOptions
    private var hasEnded = false
    /// Masks that may be decoded in the turn under way, before they are limited to active blocks.
    private var snapshot: [Int] = []

    init(_ task: DecodingTask, _ options: MultiBlockOptions) {
        state = DecodingState(task, maskCount: options.generationLength, choice: options.choice)
        ledger = BlockLedger(options, promptLength: task.prompt.count)
        self.options = options
    }

    /// Starts a turn: early stop, activation, a new block.
    ///
    /// - Returns: the end of the active blocks, or nil when decoding has ended.
    mutating func openTurn() -> Int? {
        guard !hasEnded, state.evaluations <= options.evaluationLimit else { return nil }
        snapshot = state.maskedPositions(in: 0..<state.tokens.count)
        if ledger.isComplete, !state.hasMask(in: state.generated) { return nil }
        state.evaluations += 1
        let hasSeenEnd = options.earlyStop && stopEarly()
        if hasEnded { return nil }
        ledger.activate()
        if !hasSeenEnd { ledger.addBlock(state) }
        guard let activeEnd = ledger.activeEnd else {
            endWithoutForward()
            return nil
        }
        return activeEnd
    }

    /// Fills after the end token, if there is one; notes the end when no mask is left.
    private mutating func stopEarly() -> Bool {
        guard let end = state.fillAfterEnd(in: state.generated) else { return false }
        ledger.settle(afterEnd: end, state, rules: options.rules)
        if options.quirks.snapshot == .corrected {
            snapshot = state.maskedPositions(in: 0..<state.tokens.count)
        }
        if !state.hasMask(in: state.generated) { endWithoutForward() }
        return true
    }

    /// Ends decoding in a turn that NFE has already counted.
    mutating func endWithoutForward() {
        hasEnded = true
        if options.quirks.idleEvaluation == .corrected { state.evaluations -= 1 }
    }

    /// Positions that the turn under way may decode.
    func candidates(before activeEnd: Int) -> [Int] { snapshot.filter { $0 < activeEnd } }

    /// Ends a turn: accepts, makes fully activated blocks progress, counts.
    mutating func closeTurn(_ predictions: [Prediction]) -> StepRecord {
        var accepted = options.entropyRule.select(predictions)
        if options.endTokens == .inOrder { accepted = withoutEarlyEnds(accepted, of: predictions) }
        let toAdvance = ledger.toAdvance
        for block in options.quirks.forcedProgress == .faithful ? toAdvance.prefix(1) : toAdvance[...]
        where !accepted.contains(where: { block.contains($0.position) }) {
            let inBlock = predictions.filter { block.contains($0.position) && mayEnd($0) }
            guard var surest = inBlock.min(by: EntropyRule.precedes) else { continue }
            if options.rules.addsNoise { surest.token = surest.best }
            accepted.append(surest)
        }
        ledger.subtract(accepted)
        return state.complete(accepting: accepted)
    }

    /// What is accepted without the end tokens that have a position before them which stays masked.
    ///
    /// Where nothing is left the first masked position is decoded, whatever its token is.
    private func withoutEarlyEnds(_ accepted: [Prediction], of predictions: [Prediction]) -> [Prediction] {
        let chosen = Dictionary(
            accepted.map { ($0.position, $0.token) }, uniquingKeysWith: { first, _ in first })
        var late: Set<Int> = []
        var hasGap = false
        for position in state.maskedPositions(in: state.generated) {
            guard let token = chosen[position] else {
                hasGap = true
                continue
            }
            if hasGap, state.isEnd(token) { late.insert(position) }
        }
        let kept = accepted.filter { !late.contains($0.position) }
        guard kept.isEmpty, let first = predictions.min(by: { $0.position < $1.position }) else {
            return kept
        }
        return [first]
    }

    /// Whether a block may be made to progress by a prediction: not by an end token before others are decided.
    private func mayEnd(_ prediction: Prediction) -> Bool {
        guard options.endTokens == .inOrder, state.isEnd(prediction.token) else { return true }
        return !state.hasMask(in: state.generated.lowerBound..<prediction.position)
    }
}
