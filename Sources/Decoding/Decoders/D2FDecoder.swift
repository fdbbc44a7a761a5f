package import Documents
internal import Transformers

/// Discrete diffusion forcing's pipelined decoding (arXiv 2508.09192): block-causal attention over a sequence
/// that grows by blocks, and a cache that is exact because no block sees a later one.
package struct D2FDecoder: Decoder {
    private enum Phase: Sendable { case active, toCache, inCache }

    private struct Block: Sendable {
        let range: Range<Int>
        var maskCount: Int
        var phase: Phase
        var isFullyActivated: Bool

        var progress: Double { range.isEmpty ? 1 : 1 - Double(maskCount) / Double(range.count) }
    }

    package private(set) var state: DecodingState
    private let options: D2FOptions
    private let layout: BlockLayout
    private var blocks: [Block]
    private var hasSeenEnd = false
    private var hasEnded = false

    package init(_ task: DecodingTask, _ options: D2FOptions) {
        precondition(options.blockLength > 0, "a block holds at least one token")
        state = DecodingState(task, maskCount: 0)
        self.options = options
        layout = BlockLayout(
            promptLength: task.prompt.count, generationLength: options.generationLength,
            blockLength: options.blockLength)
        blocks = [
            Block(range: 0..<task.prompt.count, maskCount: 0, phase: .toCache, isFullyActivated: true)
        ]
    }

    package var maximumLength: Int { layout.range(layout.wholeBlocks).lowerBound }

    package mutating func nextRequest() -> ForwardRequest? {
        guard !hasEnded else { return nil }
        state.evaluations += 1
        appendBlock()
        for index in blocks.indices.dropFirst()
        where blocks[index - 1].progress >= options.decodedTokenThreshold {
            blocks[index].isFullyActivated = true
        }
        let isDone = !state.hasMask(in: 0..<state.tokens.count) && !blocks.contains { $0.phase == .active }
        guard !isDone, let request = forward() else {
            hasEnded = true
            if options.quirks.idleEvaluation == .corrected { state.evaluations -= 1 }
            return nil
        }
        return state.issue(request, blocks: blockStates)
    }

    @discardableResult
    package mutating func accept(_ predictions: [Prediction]) -> StepRecord {
        var accepted: [Prediction] = []
        for index in blocks.indices {
            let block = blocks[index]
            if block.phase == .toCache { blocks[index].phase = .inCache }
            guard block.phase == .active, block.maskCount > 0 else { continue }
            let chosen = choose(predictions.filter { block.range.contains($0.position) }, for: block)
            blocks[index].maskCount -= chosen.count
            accepted += chosen
        }
        let record = state.complete(accepting: accepted)
        hasSeenEnd = hasSeenEnd || accepted.contains { state.isEnd($0.token) }
        if options.earlyStop, state.fillAfterEnd(in: state.generated) != nil {
            for index in blocks.indices.dropFirst() {
                blocks[index].maskCount = state.maskCount(in: blocks[index].range)
            }
        }
        releaseFinishedBlocks()
        return record
    }

    private mutating func appendBlock() {
        guard blocks.count <= layout.wholeBlocks, !hasSeenEnd, let last = blocks.last,
            last.progress >= options.blockAddThreshold
        else { return }
        let range = layout.range(blocks.count - 1)
        state.appendMasks(range.count)
        blocks.append(
            Block(range: range, maskCount: range.count, phase: .active, isFullyActivated: false))
    }

    /// From the first block to cache, or the first active one, to the end.
    private func forward() -> ForwardRequest? {
        let toCache = blocks.filter { $0.phase == .toCache }
        guard let first = toCache.first ?? blocks.first(where: { $0.phase == .active }) else { return nil }
        let start = first.range.lowerBound
        let additions = (toCache.last?.range.upperBound ?? start) - start
        let candidates = blocks.filter { $0.phase == .active }
            .flatMap { state.maskedPositions(in: $0.range) }
        let isFirst = start == 0 && !toCache.isEmpty
        return ForwardRequest(
            isFirst ? .prefill : additions > 0 ? .cacheUpdate : .cached, inputs: start..<state.tokens.count,
            candidates: candidates,
            cache: isFirst ? .rebuild(additions) : additions > 0 ? .append(additions) : .read,
            attention: .blockCausal(
                promptLength: layout.promptLength, blockLength: layout.blockLength),
            boundaries: additions > 0 ? [start + additions] : [])
    }

    private func choose(_ candidates: [Prediction], for block: Block) -> [Prediction] {
        let confident = candidates.filter { $0.probability > options.skipThreshold }
        if !confident.isEmpty || !block.isFullyActivated { return confident }
        let best = candidates.min { a, b in
            switch options.strategy {
            case .default: a.doubt < b.doubt
            case .negEntropy: a.entropy < b.entropy
            case .marginConfidence:
                a.probability - a.secondProbability > b.probability - b.secondProbability
            }
        }
        return best.map { [$0] } ?? []
    }

    /// A block without masks joins the cache in the next forward unless an earlier one is still active.
    private mutating func releaseFinishedBlocks() {
        for index in blocks.indices where blocks[index].phase == .active {
            guard blocks[index].maskCount == 0 else { return }
            blocks[index].phase = .toCache
        }
    }

    private var blockStates: [BlockState] {
        let created = blocks.dropFirst().map { block -> BlockState in
            if block.maskCount > 0 { return block.isFullyActivated ? .fullyActivated : .activated }
            return block.phase == .inCache ? .completed : .completedStabilizing
        }
        return created + [BlockState](repeating: .inactive, count: layout.wholeBlocks - created.count)
    }
}

extension DecodingMethod {
    static let d2f = DecodingMethod(
        "d2f", "D2F: a growing sequence of blocks with block-causal attention and an exact cache.",
        attends: .inContext, defaults: D2FOptions()
    ) { D2FDecoder($0, $1) }
}

/// Options of ``D2FDecoder``; the defaults are those of the released evaluation scripts.
package struct D2FOptions: DecoderOptions {
    /// How the single prediction is chosen that a fully activated block accepts when none is confident enough.
    package enum Strategy: String, Sendable, Hashable, CaseIterable {
        /// Highest probability.
        case `default`
        /// Lowest entropy.
        case negEntropy = "neg_entropy"
        /// Largest distance between the two highest probabilities.
        case marginConfidence = "margin_confidence"
    }

    /// Tokens to generate at most; a last block that would be shorter than the others isn't generated.
    package var generationLength = 256
    /// Tokens per block.
    package var blockLength = 32
    /// Decoded share of the last block from which the next one is appended.
    package var blockAddThreshold = 0.1
    /// Decoded share of the block before from which a block is fully activated, for good.
    package var decodedTokenThreshold = 0.95
    /// Predictions with a higher probability than this are accepted.
    package var skipThreshold = 0.9
    /// See ``Strategy``.
    package var strategy = Strategy.default
    /// Whether everything after a decoded end token becomes the end token; upstream only stops appending blocks.
    package var earlyStop = false
    /// Oddities of the released code, each with both behaviours.
    package var quirks = Quirks.faithful

    package init() {}
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

    package var lengths: DecodingLengths { DecodingLengths(response: generationLength, block: blockLength) }

    package func effort(prompt: Double, answer: Double) -> DecodingEffort? {
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
