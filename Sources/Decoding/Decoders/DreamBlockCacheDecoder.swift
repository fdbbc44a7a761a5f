/// Fast-dLLM's block-wise decoding with a cache in its version for Dream (`generation_utils_block`).
///
/// The forward that fills the cache decodes the block's first token and nothing else: with logits shifted by one,
/// that is the only token of the block that no row of the block predicts.
package struct DreamBlockCacheDecoder: Decoder {
    package private(set) var state: DecodingState
    private let options: BlockwiseOptions
    private let reuse: BlockCacheDecoder.Reuse
    private let times: UnmaskingTimes
    private var cursor: BlockCursor

    /// Where upstream's plan ends; it isn't an option there.
    private static let lastTime = 1e-3

    /// - Parameter options: with the rule ``AcceptanceRule/scheduled``, the steps of a block include the one that
    ///   fills the cache, and the plan is Dream's, lowest entropy first.
    package init(_ task: DecodingTask, _ options: BlockwiseOptions, reuse: BlockCacheDecoder.Reuse) {
        state = DecodingState(task, maskCount: options.generationLength, choice: options.dreamChoice)
        cursor = BlockCursor(options, promptLength: task.prompt.count)
        times = UnmaskingTimes(steps: max(1, options.stepsPerBlock), last: Self.lastTime)
        self.options = options
        self.reuse = reuse
    }

    package var maximumLength: Int { cursor.layout.end }

    package mutating func nextRequest() -> ForwardRequest? {
        if let block = cursor.current(state), isFinished(block) { cursor.finishBlock(state) }
        guard let block = cursor.current(state) else { return nil }
        state.evaluations += 1
        return state.issue(
            cursor.forwardsInBlock == 0 ? fillCache(for: block) : refine(block), blocks: cursor.blockStates)
    }

    @discardableResult
    package mutating func accept(_ predictions: [Prediction]) -> StepRecord {
        let index = cursor.forwardsInBlock
        _ = cursor.scheduledCount()
        let record = state.complete(accepting: index == 0 ? predictions : select(predictions, at: index))
        cursor.applyEarlyStop(&state, filledCache: index == 0)
        return record
    }

    private func select(_ predictions: [Prediction], at index: Int) -> [Prediction] {
        guard options.rule == .scheduled else { return options.rule.select(predictions, scheduled: 1) }
        let count = times.count(at: index, masks: predictions.count)
        return Array(predictions.sorted(by: EntropyRule.precedes).prefix(count))
    }

    /// A block ends when it has no masks left, but not before one forward has used the cache; and when its plan
    /// has ended, which with a single step leaves masks behind.
    private func isFinished(_ block: Range<Int>) -> Bool {
        guard cursor.forwardsInBlock >= (options.forwardsFinishedBlocks ? 2 : 1) else { return false }
        let planHasEnded = options.rule == .scheduled && cursor.forwardsInBlock > options.stepsPerBlock
        return planHasEnded || !state.hasMask(in: block)
    }

    private func fillCache(for block: Range<Int>) -> ForwardRequest {
        ForwardRequest(
            .prefill, inputs: 0..<state.tokens.count, candidates: [block.lowerBound],
            cache: .rebuild(reuse == .prefix ? block.lowerBound : state.tokens.count))
    }

    /// The first token of the block is decoded unless the model predicted the mask token for it; then upstream
    /// takes the first row of the forward.
    private func refine(_ block: Range<Int>) -> ForwardRequest {
        let candidates = state.maskedPositions(in: block)
        switch reuse {
        case .prefix:
            return ForwardRequest(
                .cached, inputs: block.lowerBound..<state.tokens.count, candidates: candidates, cache: .read,
                boundaryRow: .local)
        case .dual:
            return ForwardRequest(
                .dual, inputs: block, candidates: candidates, cache: .overwrite(at: block.lowerBound),
                boundaryRow: .local)
        }
    }
}

extension DecodingMethod {
    static let fastDLLMDreamPrefixCache = DecodingMethod(
        "fast-dllm-dream-prefix-cache", "Fast-dLLM for Dream with the tokens before the block cached.",
        defaults: DreamBlockCacheOptions(.fastDLLM, reuse: .prefix)
    ) { DreamBlockCacheDecoder($0, $1.blocks, reuse: $1.reuse) }

    static let fastDLLMDreamDualCache = DecodingMethod(
        "fast-dllm-dream-dual-cache",
        "Fast-dLLM for Dream with the tokens before and after the block cached.",
        defaults: DreamBlockCacheOptions(.fastDLLM, reuse: .dual)
    ) { DreamBlockCacheDecoder($0, $1.blocks, reuse: $1.reuse) }
}
