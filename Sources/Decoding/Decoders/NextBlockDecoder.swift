package import Documents
internal import Transformers

/// Options of ``NextBlockDecoder``; the defaults are those of the released demo, but for its temperature of 1 with top-p 0.8.
package struct NextBlockOptions: DecoderOptions {
    /// Which predictions of a part are accepted.
    package enum Rule: String, Sendable, Hashable, CaseIterable {
        /// The most probable one.
        case best
        /// The one with the lowest entropy.
        case entropy
        /// The most probable one, and all with a probability above the threshold.
        case threshold
    }

    /// Tokens to generate, a multiple of ``blockLength``.
    package var generationLength = 128
    /// Tokens per block.
    package var blockLength = 32
    /// Tokens per part of a block; parts are decoded one after another.
    package var subBlockLength = 4
    /// See ``Rule``.
    package var rule = Rule.entropy
    /// The probability to exceed, of the rule ``Rule/threshold``.
    package var threshold = 0.9
    /// 0 takes the most probable token; larger values draw from softmax(logits / temperature).
    package var temperature = 0.0
    /// Only the most probable tokens that together pass this probability count, at temperature 0 too; nil for all.
    package var topP: Double?
    /// Number of most probable tokens that count, at temperature 0 too; nil for all.
    package var topK: Int?

    package init() {}

    package init(_ fields: Fields, defaults: NextBlockOptions) {
        self = defaults
        (generationLength, blockLength) = fields.lengths(
            generation: defaults.generationLength, block: defaults.blockLength)
        fields.requireWholeBlocks(generation: generationLength, block: blockLength)
        subBlockLength = fields.subBlockLength(default: defaults.subBlockLength, block: blockLength)
        rule = fields.option(
            "rule", default: defaults.rule,
            "Which predictions are accepted: the most probable one (best), the one with the lowest entropy, or with the most probable one all above the threshold."
        )
        threshold = fields.option(
            "threshold", default: defaults.threshold, in: 0...1,
            "The probability to exceed, of the rule \"threshold\".", isAlwaysRecorded: true)
        fields.condition(
            "threshold", isUsed: rule == .threshold, with: "the rule \"\(rule.rawValue)\"",
            user: "the rule \"threshold\"")
        temperature = fields.temperature(default: defaults.temperature)
        topP = fields.topP(default: defaults.topP)
        topK = fields.topK(default: defaults.topK)
    }

    package var lengths: DecodingLengths { DecodingLengths(response: generationLength, block: blockLength) }

    package func effort(prompt: Double, answer: Double) -> DecodingEffort? {
        let expected = ExpectedResponse(lengths, stopsEarly: true, prompt: prompt, answer: answer)
        let rate = ExpectedRate.limited(
            rule == .threshold ? ExpectedRate.confidence(threshold) : 1,
            block: min(Double(subBlockLength), expected.block))
        return expected.besideExactCache(rate: rate, logitRows: Double(subBlockLength) / 2)
    }
}

/// NBDiff (arXiv 2512.06776; `diffusion_generate` of YuchuanTian/NBDiff at e0c10f3): the context is causal, a block sees all of
/// itself; its first token is an autoregressive one.
///
/// Ends as soon as a part is complete and an end token stands in the response, masks and all. Upstream rewrites the first
/// position of parts that are complete while other rows of a batch aren't; here each sequence is decoded as if it were alone.
package struct NextBlockDecoder: Decoder {
    package private(set) var state: DecodingState
    private let options: NextBlockOptions
    private let layout: BlockLayout
    private var block = 0
    private var part = 0
    private var hasEnded = false

    package init(_ task: DecodingTask, _ options: NextBlockOptions) {
        precondition(
            options.blockLength > 0 && options.subBlockLength > 0
                && options.blockLength % options.subBlockLength == 0, "parts fill their block")
        state = DecodingState(
            task, maskCount: options.generationLength,
            choice: TokenChoice(
                .tempered, temperature: options.temperature, topP: options.topP, topK: options.topK))
        self.options = options
        layout = BlockLayout(
            promptLength: task.prompt.count, generationLength: options.generationLength,
            blockLength: options.blockLength)
    }

    package var maximumLength: Int { layout.end }

    private var parts: Int { options.blockLength / options.subBlockLength }

    /// The positions of part `index` of the current block.
    private func range(ofPart index: Int) -> Range<Int> {
        let start = layout.range(block).lowerBound + index * options.subBlockLength
        return start..<start + options.subBlockLength
    }

    package mutating func nextRequest() -> ForwardRequest? {
        guard !hasEnded, block < layout.wholeBlocks else { return nil }
        if state.forwards == 0 { return autoregressive(.prefill, 0..<state.promptLength) }
        while part < parts, !state.hasMask(in: range(ofPart: part)) {
            part += 1
            // Looked at behind each part, those too that had no masks from the start.
            hasEnded = state.firstEnd(in: state.generated) != nil
            if hasEnded { return nil }
        }
        guard part < parts else { return autoregressive(.cacheUpdate, layout.range(block)) }
        let range = range(ofPart: part)
        state.evaluations += 1
        return state.issue(
            ForwardRequest(
                .cached, inputs: layout.range(block), candidates: state.maskedPositions(in: range),
                cache: .read, boundaryRow: .local),
            blocks: blockStates, drawing: range)
    }

    /// Feeds what is complete, causally; its last row gives the token behind it unless the response ends there.
    private mutating func autoregressive(
        _ kind: ForwardRequest.Kind, _ inputs: Range<Int>
    ) -> ForwardRequest {
        let next = inputs.upperBound
        let hasNext = next < layout.end
        state.evaluations += 1
        return state.issue(
            ForwardRequest(
                kind, inputs: inputs, candidates: hasNext ? [next] : [],
                cache: kind == .prefill ? .rebuild(inputs.count) : .append(inputs.count), attention: .causal,
                predictsNext: true),
            blocks: blockStates, drawing: hasNext ? next..<next + 1 : nil)
    }

    @discardableResult
    package mutating func accept(_ predictions: [Prediction]) -> StepRecord {
        let request = state.answered()
        guard request.kind == .cached else {
            if request.kind == .cacheUpdate { (block, part) = (block + 1, 0) }
            return state.complete(accepting: predictions)
        }
        let sorted =
            options.rule == .entropy
            ? predictions.sorted { ($0.entropy, $0.position) < ($1.entropy, $1.position) }
            : AcceptanceRule.byConfidence(predictions)
        let others = sorted.dropFirst().filter {
            options.rule == .threshold && $0.probability > options.threshold
        }
        return state.complete(accepting: sorted.prefix(1) + others)
    }

    private var blockStates: [BlockState] { .oneAtATime(layout.wholeBlocks, current: block) }
}

extension DecodingMethod {
    static let nextBlock = DecodingMethod(
        "nbdiff",
        "NBDiff: a causal context, blocks that see all of themselves, an autoregressive token between them.",
        attends: .inContext, defaults: NextBlockOptions()
    ) { NextBlockDecoder($0, $1) }
}
