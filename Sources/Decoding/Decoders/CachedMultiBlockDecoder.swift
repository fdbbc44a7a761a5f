/// d3LLM's multi-block decoding with a delayed, refreshed key/value cache (`generate_multi_block_kv_cache`).
///
/// A finished block stays out of the cache for some turns, while its tokens still influence how their
/// neighbours see them; meanwhile the cache before it is refreshed.
package struct CachedMultiBlockDecoder: Decoder {
    private var core: MultiBlockCore
    private let options: CachedMultiBlockOptions
    /// Positions that count as cached; after a refresh the cache itself may hold more.
    private var cacheEnd = 0
    private var hasCache = false
    /// Candidates of the turn under way that lie before its forward.
    private var notForwarded: [Int] = []

    package init(_ task: DecodingTask, _ options: CachedMultiBlockOptions) {
        core = MultiBlockCore(task, options.blocks)
        self.options = options
    }

    package var state: DecodingState { core.state }
    package var maximumLength: Int { core.ledger.layout.end }

    package mutating func nextRequest() -> ForwardRequest? {
        guard let activeEnd = core.openTurn() else { return nil }
        let additions = blocksToCache()
        guard firstUncached < activeEnd else {
            core.endWithoutForward()
            return nil
        }
        var request = forward(addingToCache: additions)
        let candidates = core.candidates(before: activeEnd)
        request.candidates = candidates.filter { request.inputs.contains($0) }
        notForwarded = candidates.filter { !request.inputs.contains($0) }
        request.boundaryRow = options.blocks.quirks.boundaryRow == .faithful ? .local : .kept
        return core.state.issue(request, blocks: core.ledger.states(usesCache: true))
    }

    @discardableResult
    package mutating func accept(_ predictions: [Prediction]) -> StepRecord {
        core.closeTurn(predictions + withoutLogits())
    }

    /// Notes which blocks are done, and how many more positions the cache takes in this turn.
    private mutating func blocksToCache() -> Int {
        let evaluation = core.state.evaluations
        var end = cacheEnd
        for (index, block) in core.ledger.blocks.enumerated() where block.range.upperBound > cacheEnd {
            guard block.maskCount == 0 else { break }
            let completedAt = block.completedAt ?? evaluation
            core.ledger.update(index) { $0.completedAt = completedAt }
            let isDue = evaluation - completedAt >= options.cacheDelay
            if isDue, !block.isCached {
                core.ledger.update(index) { $0.isCached = true }
                end = block.range.upperBound
            } else if !isDue, options.blocks.rules.waitsForStabilizing {
                break
            }
        }
        return end - cacheEnd
    }

    /// Blocks that are done but not cached yet.
    private var stabilizing: [BlockLedger.Block] {
        core.ledger.blocks.filter { $0.maskCount == 0 && $0.completedAt != nil && !$0.isCached }
    }

    /// The first position that this turn's forward has to cover.
    private var firstUncached: Int {
        let undecided = core.ledger.blocks.filter { $0.maskCount > 0 }
        return (stabilizing + undecided).map(\.range.lowerBound).min().map { min($0, cacheEnd) } ?? cacheEnd
    }

    /// Chooses between extending, using and refreshing the cache; the first that applies.
    private mutating func forward(addingToCache additions: Int) -> ForwardRequest {
        let whole = 0..<core.state.tokens.count
        if additions > 0 {
            defer { cacheEnd += additions }
            hasCache = true
            return ForwardRequest(
                .cacheUpdate, inputs: cacheEnd..<whole.upperBound, candidates: [], cache: .append(additions),
                boundaries: [cacheEnd + additions])
        }
        guard hasCache else { return ForwardRequest(.full, inputs: whole, candidates: []) }
        let waiting = stabilizing.last
        if waiting == nil, core.state.evaluations % options.refreshInterval != 0 {
            // Upstream counts rotary positions from the end of the cache. That is where the forward starts, unless
            // a cached block has masks again, which takes a model that predicts the mask token.
            return ForwardRequest(
                .cached, inputs: firstUncached..<whole.upperBound, candidates: [], cache: .read,
                rotaryStart: cacheEnd)
        }
        let filled = options.blocks.quirks.duplicateKeys == .faithful ? waiting?.range.lowerBound : nil
        return ForwardRequest(
            .prefill, inputs: whole, candidates: [], cache: .rebuild(filled ?? cacheEnd),
            boundaries: [cacheEnd])
    }

    /// What LLaDA's version makes of candidates before the forward.
    ///
    /// Its logits are −∞ there, so the entropy isn't a number, which passes its test, and the most probable token
    /// is number 0. Only a model that predicts the mask token gets there: that position counts as decoded, so
    /// its block can be cached while it is still masked.
    private func withoutLogits() -> [Prediction] {
        guard options.blocks.rules.acceptsBest else { return [] }
        return notForwarded.map { Prediction(position: $0, token: 0, probability: .nan, entropy: .nan) }
    }
}

extension DecodingMethod {
    static let multiBlockCache = DecodingMethod(
        "multi-block-cache", "d3LLM: several blocks at once, entropy threshold, delayed and refreshed cache.",
        defaults: CachedMultiBlockOptions()
    ) { CachedMultiBlockDecoder($0, $1) }
}
