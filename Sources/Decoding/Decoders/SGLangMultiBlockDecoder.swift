package import Documents

/// Options of ``SGLangMultiBlockDecoder``; the defaults are those of d3LLM's published SGLang numbers for LLaDA.
package struct SGLangMultiBlockOptions: DecoderOptions {
    /// Tokens to generate; the last block may be shorter than the others.
    package var generationLength = 256
    /// Tokens per block.
    package var blockLength = 32
    /// Entropy in nats below which predictions are accepted; at 0 one token per forward.
    package var threshold = 0.5
    /// Decoded share of a block from which the next one is added.
    package var blockAddThreshold = 0.1
    /// Decoded share of the block before from which a block is fully activated.
    package var decodedTokenThreshold = 0.95
    /// Whether mask tokens of the prompt are decoded too.
    ///
    /// `faithful`: yes; decoding goes on while one of them is left, up to its limit. `corrected`: they stay.
    package var promptMasks = Quirks.Behaviour.faithful

    package init() {}

    package init(_ fields: Fields, defaults: SGLangMultiBlockOptions) {
        self = defaults
        (generationLength, blockLength) = fields.lengths(
            generation: defaults.generationLength, block: defaults.blockLength)
        threshold = fields.option(
            "threshold", default: defaults.threshold, in: 0...1000,
            "The entropy in nats to stay below; 0 accepts one token per forward.", isAlwaysRecorded: true)
        (blockAddThreshold, decodedTokenThreshold) = fields.progressThresholds(
            add: defaults.blockAddThreshold, activate: defaults.decodedTokenThreshold, recordsActivate: true)
        promptMasks = fields.option(
            "promptMasks", default: defaults.promptMasks,
            "Whether mask tokens of the prompt are decoded too (faithful) or stay (corrected).")
    }

    package var lengths: DecodingLengths { DecodingLengths(response: generationLength, block: blockLength) }

    package func effort(prompt: Double, answer: Double) -> DecodingEffort? {
        var similar = MultiBlockOptions()
        (similar.generationLength, similar.blockLength) = (generationLength, blockLength)
        (similar.threshold, similar.earlyStop) = (threshold, false)
        return similar.effort(prompt: prompt, answer: answer)
    }
}

/// SGLang's decoder for d3LLM (`FullAttnMultiBlock`, sgl-project/sglang pull request 20615 at 26eb1bf): the whole sequence in
/// each forward, no cache, no early stop.
///
/// It differs from d3LLM's own multi-block decoding: an entropy equal to the threshold is rejected, the lowest entropy of all is
/// not accepted for its own sake, all blocks whose predecessor is decoded far enough are added at once, and every token is
/// decoded, those behind the end token too. In a batch upstream tells each row the forwards of the slowest one; here each
/// sequence counts its own.
package struct SGLangMultiBlockDecoder: Decoder {
    package private(set) var state: DecodingState
    private let options: SGLangMultiBlockOptions
    private let layout: BlockLayout
    /// The blocks that may be decoded in.
    private var isAdded: [Bool]
    /// The blocks that have to make progress.
    private var isFull: [Bool]
    private var hasEnded = false

    package init(_ task: DecodingTask, _ options: SGLangMultiBlockOptions) {
        precondition(options.blockLength > 0, "a block holds at least one token")
        state = DecodingState(task, maskCount: options.generationLength)
        layout = BlockLayout(
            promptLength: task.prompt.count, generationLength: options.generationLength,
            blockLength: options.blockLength)
        self.options = options
        isAdded = (0..<layout.allBlocks).map { $0 == 0 }
        isFull = isAdded
    }

    package var maximumLength: Int { layout.end }

    /// Where masks are decoded.
    private var decoded: Range<Int> {
        options.promptMasks == .faithful ? 0..<state.tokens.count : state.generated
    }

    package mutating func nextRequest() -> ForwardRequest? {
        guard !hasEnded, state.hasMask(in: decoded) else { return nil }
        state.evaluations += 1
        let masks = (0..<layout.allBlocks).map { state.maskCount(in: layout.range($0)) }
        // As many forwards as tokens and one more are allowed; then a last one is made, and not looked at.
        hasEnded = state.forwards > options.generationLength
        if !hasEnded { advance(masks) }
        let end = isAdded.indices.last { isAdded[$0] && (isFull[$0] || masks[$0] > 0) }
            .map { layout.range($0).upperBound }
        let candidates = hasEnded ? [] : state.maskedPositions(in: decoded).filter { $0 < end ?? 0 }
        return state.issue(
            ForwardRequest(.full, inputs: 0..<state.tokens.count, candidates: candidates),
            blocks: states(masks))
    }

    /// Adds and fully activates blocks by how much of their predecessors is decoded.
    private mutating func advance(_ masks: [Int]) {
        for index in isAdded.indices.dropFirst() {
            let before = index - 1
            let progress = 1 - Double(masks[before]) / Double(layout.range(before).count)
            if progress >= options.blockAddThreshold || masks[before] == 0 { isAdded[index] = true }
            if isAdded[index], progress >= options.decodedTokenThreshold { isFull[index] = true }
        }
    }

    @discardableResult
    package mutating func accept(_ predictions: [Prediction]) -> StepRecord {
        var accepted = EntropyRule(
            threshold: options.threshold, includesThreshold: false, acceptsBest: false
        ).select(predictions)
        let first = isFull.indices.first { isFull[$0] && state.hasMask(in: layout.range($0)) }
        if let block = first.map(layout.range), !accepted.contains(where: { block.contains($0.position) }),
            let surest = predictions.filter({ block.contains($0.position) }).min(by: EntropyRule.precedes)
        {
            accepted.append(surest)
        }
        return state.complete(accepting: accepted)
    }

    private func states(_ masks: [Int]) -> [BlockState] {
        masks.indices.map { index in
            guard isAdded[index] else { return .inactive }
            if masks[index] == 0 { return .completed }
            return isFull[index] ? .fullyActivated : .activated
        }
    }
}

extension DecodingMethod {
    static let sglangMultiBlock = DecodingMethod(
        "sglang-multi-block",
        "SGLang's decoder for d3LLM: several blocks at once, strict entropy threshold, no early stop.",
        defaults: SGLangMultiBlockOptions()
    ) { SGLangMultiBlockDecoder($0, $1) }
}
