package import Documents
internal import Transformers

/// Options of ``ResidualContextDecoder``; the defaults are those of the published evaluation of LLaDA.
package struct ResidualContextOptions: DecoderOptions {
    /// Tokens to generate, tokens of a block, and forwards that are planned over all blocks.
    package var generationLength = 256
    package var blockLength = 256
    package var steps: Int?
    /// Every prediction that is more probable becomes a token.
    package var threshold = 0.85
    /// Of the softmax whose entropy gives the share of a residual; the residual itself is of the logits as they are, and all is that
    /// comes of the reference.
    package var residualTemperature = 1.0
    /// What the first forward of a block reads in place of its masks.
    package var start = Start.cold
    /// Whether everything after a decoded end token is settled.
    package var earlyStop = false

    package init() {}

    package enum Start: String, Sendable, Hashable, CaseIterable {
        /// The mask's embedding as it is.
        case cold
        /// Residuals of a forward of a second model, the reference.
        case warm
    }

    package init(_ fields: Fields, defaults: ResidualContextOptions) {
        self = defaults
        (generationLength, blockLength) = fields.lengths(
            generation: defaults.generationLength, block: defaults.blockLength, fitsBlock: true)
        steps = fields.option(
            "steps", default: defaults.steps, in: 1...1_000_000,
            "Forwards over all blocks that are planned; each decodes its share of a block at least. null plans one token per forward."
        )
        threshold = fields.option(
            "threshold", default: defaults.threshold, in: 0...1,
            "Every prediction whose probability is larger becomes a token; 1 leaves the plan.")
        residualTemperature = fields.option(
            "residualTemperature", default: defaults.residualTemperature, in: 0.001...1000,
            "Temperature of the softmax whose entropy, over its largest value, is a residual's share of the input."
        )
        start = fields.option(
            "start", default: defaults.start,
            "What the first forward of a block reads: plain masks (cold) or residuals of a second model's forward (warm)."
        )
        earlyStop = fields.earlyStop(
            default: defaults.earlyStop, "Whether everything after a decoded end token is settled.")
        fields.requireWholeBlocks(generation: generationLength, block: blockLength)
        fields.requireEqualSteps(steps, blocks: generationLength / max(1, blockLength))
    }

    package var needsVerifier: Bool { start == .warm }

    package var lengths: DecodingLengths {
        DecodingLengths(response: generationLength, block: blockLength)
    }

    /// As with a confidence threshold alone: what residuals change of that depends on the training.
    package func effort(prompt: Double, answer: Double) -> DecodingEffort? {
        let expected = ExpectedResponse(lengths, stopsEarly: earlyStop, prompt: prompt, answer: answer)
        let planned = Double(generationLength) / Double(steps ?? generationLength)
        let rate = max(planned, ExpectedRate.confidence(threshold))
        return DecodingEffort(
            forwards: expected.wanted / ExpectedRate.limited(rate, block: expected.block),
            tokens: expected.whole, logitRows: expected.block / 2)
    }

    /// The same for ``BlockCursor``.
    fileprivate var blockwise: BlockwiseOptions {
        BlockwiseOptions(
            generationLength: generationLength, blockLength: blockLength, steps: steps, earlyStop: earlyStop)
    }
}

/// Decoding with residual context (RCD, arXiv 2601.22954, algorithm 2; no code is released): what a forward predicts for a position that
/// stays masked isn't thrown away, but mixed into what the next forward reads there.
///
/// Blocks left to right, each forward over the whole sequence. A residual's share is the entropy of its prediction over the largest possible
/// one; tokens once decoded stay. NFE are the model's own forwards; those of the reference are counted as the verifier's.
package struct ResidualContextDecoder: Decoder {
    package private(set) var state: DecodingState
    private let options: ResidualContextOptions
    private var cursor: BlockCursor
    /// Whether the reference has seen the current block, where it has to.
    private var isWarm = false

    package init(_ task: DecodingTask, _ options: ResidualContextOptions) {
        state = DecodingState(task, maskCount: options.generationLength)
        state.needsVerifier = options.needsVerifier
        state.mixesResiduals = true
        cursor = BlockCursor(options.blockwise, promptLength: task.prompt.count)
        self.options = options
    }

    package var maximumLength: Int { cursor.layout.end }

    package mutating func nextRequest() -> ForwardRequest? {
        while let block = cursor.current(state), !state.hasMask(in: block) {
            cursor.finishBlock(state)
            isWarm = false
        }
        guard let block = cursor.current(state) else { return nil }
        var request = ForwardRequest(
            .full, inputs: 0..<state.tokens.count, candidates: state.maskedPositions(in: block))
        request.isForVerifier = options.start == .warm && !isWarm
        // What the reference predicts is taken as it is.
        request.residualTemperature = request.isForVerifier ? 1 : options.residualTemperature
        if !request.isForVerifier { state.evaluations += 1 }
        return state.issue(request, blocks: cursor.blockStates)
    }

    @discardableResult
    package mutating func accept(_ predictions: [Prediction]) -> StepRecord {
        if state.answered().isForVerifier {
            isWarm = true
            return state.complete(accepting: [])
        }
        let sorted = AcceptanceRule.byConfidence(predictions)
        let certain = sorted.prefix { $0.probability > options.threshold }.count
        let record = state.complete(
            accepting: Array(sorted.prefix(max(1, cursor.scheduledCount(), certain))))
        cursor.applyEarlyStop(&state, filledCache: false)
        return record
    }
}

extension DecodingMethod {
    static let residualContext = DecodingMethod(
        "rcd",
        "RCD: blocks left to right; what a forward predicts for a masked token is mixed into the next one's input.",
        defaults: ResidualContextOptions()
    ) { ResidualContextDecoder($0, $1) }
}
