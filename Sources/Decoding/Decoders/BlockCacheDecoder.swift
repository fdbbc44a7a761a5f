package import Documents

/// Fast-dLLM's block-wise decoding with an approximate key/value cache, and dInfer's port of it.
///
/// Each block starts with a forward of the whole sequence that fills the cache and decodes; the block's other
/// forwards see the rest of the sequence only through the cache.
package struct BlockCacheDecoder: Decoder {
    /// Which part of the sequence the cache stands for.
    package enum Reuse: String, Sendable, Hashable, CaseIterable {
        /// Everything before the block; the block and all after it are forwarded.
        case prefix
        /// Everything but the block; only the block is forwarded, and replaces its rows in the cache.
        case dual
    }

    package private(set) var state: DecodingState
    private let options: BlockwiseOptions
    private let reuse: Reuse
    private var cursor: BlockCursor

    package init(_ task: DecodingTask, _ options: BlockwiseOptions, reuse: Reuse) {
        state = DecodingState(task, maskCount: options.generationLength, choice: options.choice)
        cursor = BlockCursor(options, promptLength: task.prompt.count)
        self.options = options
        self.reuse = reuse
    }

    package var maximumLength: Int { cursor.layout.end }

    package mutating func nextRequest() -> ForwardRequest? {
        if let block = cursor.current(state), isFinished(block) { cursor.finishBlock(state) }
        guard let block = cursor.current(state) else { return nil }
        state.evaluations += 1
        let isFirst = cursor.forwardsInBlock == 0
        let request = isFirst ? fillCache(for: block) : refine(block)
        // Upstream's code for stitching draws LLaDA's noise too and doesn't use it.
        return state.issue(
            request, blocks: cursor.blockStates, drawing: request.inputs,
            wasting: isFirst ? 0 : request.inputs.count)
    }

    @discardableResult
    package mutating func accept(_ predictions: [Prediction]) -> StepRecord {
        let filledCache = cursor.forwardsInBlock == 0
        let accepted = options.select(
            predictions, scheduled: cursor.scheduledCount(), draws: state.draws)
        let record = state.complete(accepting: accepted)
        cursor.applyEarlyStop(&state, filledCache: filledCache)
        return record
    }

    /// A block ends when it has no masks left, but not before the cache is filled, and in Fast-dLLM not before
    /// one forward has used it.
    private func isFinished(_ block: Range<Int>) -> Bool {
        let atLeast = options.forwardsFinishedBlocks ? 2 : 1
        return cursor.forwardsInBlock >= atLeast && !state.hasMask(in: block)
    }

    private func fillCache(for block: Range<Int>) -> ForwardRequest {
        ForwardRequest(
            .prefill, inputs: 0..<state.tokens.count,
            candidates: state.maskedPositions(in: 0..<block.upperBound),
            cache: .rebuild(reuse == .prefix ? block.lowerBound : state.tokens.count),
            boundaries: [block.lowerBound])
    }

    private func refine(_ block: Range<Int>) -> ForwardRequest {
        let candidates = state.maskedPositions(in: block)
        switch reuse {
        case .prefix:
            return ForwardRequest(
                .cached, inputs: block.lowerBound..<state.tokens.count, candidates: candidates, cache: .read)
        case .dual:
            return ForwardRequest(
                .dual, inputs: block, candidates: candidates, cache: .overwrite(at: block.lowerBound))
        }
    }
}

extension DecodingMethod {
    static let fastDLLMPrefixCache = DecodingMethod(
        "fast-dllm-prefix-cache", "Fast-dLLM with the tokens before the block cached.",
        defaults: BlockCacheOptions(.fastDLLM, reuse: .prefix)
    ) { BlockCacheDecoder($0, $1.blocks, reuse: $1.reuse) }

    static let fastDLLMDualCache = DecodingMethod(
        "fast-dllm-dual-cache", "Fast-dLLM with the tokens before and after the block cached.",
        defaults: BlockCacheOptions(.fastDLLM, reuse: .dual)
    ) { BlockCacheDecoder($0, $1.blocks, reuse: $1.reuse) }

    static let stitchingPrefixCache = DecodingMethod(
        "stitching-prefix-cache", "Stitching's rollouts with the tokens before the block cached.",
        defaults: BlockCacheOptions(.stitching, reuse: .prefix)
    ) { BlockCacheDecoder($0, $1.blocks, reuse: $1.reuse) }

    static let dInferPrefixCache = DecodingMethod(
        "dinfer-prefix-cache", "dInfer's port of Fast-dLLM with prefix cache.",
        defaults: BlockCacheOptions(.dInfer, reuse: .prefix)
    ) { BlockCacheDecoder($0, $1.blocks, reuse: $1.reuse) }

    static let dInferDualCache = DecodingMethod(
        "dinfer-dual-cache", "dInfer's port of Fast-dLLM with dual cache.",
        defaults: BlockCacheOptions(.dInfer, reuse: .dual)
    ) { BlockCacheDecoder($0, $1.blocks, reuse: $1.reuse) }
}

/// Options of ``BlockCacheDecoder``.
package struct BlockCacheOptions: DecoderOptions {
    /// What it has in common with decoding without a cache.
    package var blocks: BlockwiseOptions

    /// What the cache stands for; a method each.
    let reuse: BlockCacheDecoder.Reuse

    package init(_ blocks: BlockwiseOptions, reuse: BlockCacheDecoder.Reuse) {
        self.blocks = blocks
        self.reuse = reuse
    }

    package init(_ fields: Fields, defaults: BlockCacheOptions) {
        reuse = defaults.reuse
        blocks = BlockwiseOptions(fields, defaults: defaults.blocks)
        blocks.forwardsFinishedBlocks = fields.uselessForward(default: blocks.forwardsFinishedBlocks)
    }

    package var lengths: DecodingLengths { blocks.lengths }

    package func effort(prompt: Double, answer: Double) -> DecodingEffort? {
        reuse.effort(of: blocks, prompt: prompt, answer: answer)
    }
}

/// Options of ``DreamBlockCacheDecoder``.
package struct DreamBlockCacheOptions: DecoderOptions {
    /// What it has in common with decoding without a cache.
    package var blocks: BlockwiseOptions

    /// What the cache stands for; a method each.
    let reuse: BlockCacheDecoder.Reuse

    package init(_ blocks: BlockwiseOptions, reuse: BlockCacheDecoder.Reuse) {
        self.blocks = blocks
        self.reuse = reuse
    }

    package init(_ fields: Fields, defaults: DreamBlockCacheOptions) {
        reuse = defaults.reuse
        blocks = BlockwiseOptions(fields, defaults: defaults.blocks, hasRemasking: false)
        blocks.forwardsFinishedBlocks = fields.uselessForward(default: blocks.forwardsFinishedBlocks)
    }

    package var lengths: DecodingLengths { blocks.lengths }

    package func effort(prompt: Double, answer: Double) -> DecodingEffort? {
        reuse.effort(of: blocks, prompt: prompt, answer: answer)
    }
}

extension BlockCacheDecoder.Reuse {
    /// The effort with the first forward of each block over the whole sequence, and the others over what isn't cached.
    fileprivate func effort(of blocks: BlockwiseOptions, prompt: Double, answer: Double) -> DecodingEffort {
        let expected = ExpectedResponse(
            blocks.lengths, stopsEarly: blocks.earlyStop, prompt: prompt, answer: answer)
        var effort = blocks.effort(expected)
        let (count, forwards) = (expected.wanted / expected.block, effort.forwards)
        let rest =
            switch self {
            case .prefix: expected.length - (expected.wanted - expected.block) / 2
            case .dual: expected.block
            }
        effort.tokens =
            (count * expected.whole + max(0, forwards - count) * rest) / max(forwards, count)
        effort.forwards = max(forwards, count) + count / 2
        effort.cached = expected.whole - effort.tokens
        return effort
    }
}

extension Fields {
    /// Whether a block that is done after the forward that fills the cache costs another one.
    fileprivate func uselessForward(default value: Bool) -> Bool {
        let behaviour: Quirks.Behaviour = value ? .faithful : .corrected
        return option(
            "uselessForward", default: behaviour,
            "Whether a block that the cache-filling forward finished is forwarded once more, as Fast-dLLM does (faithful), or not, as dInfer does (corrected)."
        ) == .faithful
    }
}

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
