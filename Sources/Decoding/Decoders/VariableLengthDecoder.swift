package import Documents

/// Options of ``VariableLengthDecoder``; the defaults are those of the released evaluation.
package struct VariableLengthOptions: DecoderOptions {
    /// Tokens to generate at most; a last block that would be shorter than the others isn't generated.
    package var generationLength = 1024
    /// Tokens per block.
    package var blockLength = 64
    /// Predictions with a higher probability than this are accepted; where none has it, the most probable one.
    package var threshold = 0.9
    /// Whether tokens that are there are replaced by what each forward predicts for them.
    package var edits = false
    /// Whether the first forward counts, which decodes tokens as the others do.
    ///
    /// `faithful`: no. `corrected`: yes.
    package var countsPrefill = Quirks.Behaviour.faithful

    package init() {}

    package init(_ fields: Fields, defaults: VariableLengthOptions) {
        self = defaults
        (generationLength, blockLength) = fields.lengths(
            generation: defaults.generationLength, block: defaults.blockLength, fitsBlock: true)
        threshold = fields.option(
            "threshold", default: defaults.threshold, in: 0...1,
            "Predictions with a higher probability are accepted; where none has it, the most probable one.",
            isAlwaysRecorded: true)
        edits = fields.option(
            "edits", default: defaults.edits,
            "Whether tokens that are there are replaced by what each forward predicts for them; upstream says that the released model doesn't support it."
        )
        countsPrefill = fields.countsPrefill(default: defaults.countsPrefill)
        if generationLength < blockLength {
            fields.reject(
                "generationLength",
                "\"generationLength\" is \(generationLength) and should be at least \"blockLength\", \(blockLength)."
            )
        }
    }

    package var lengths: DecodingLengths { DecodingLengths(response: generationLength, block: blockLength) }

    package func effort(prompt: Double, answer: Double) -> DecodingEffort? {
        let expected = ExpectedResponse(lengths, stopsEarly: true, prompt: prompt, answer: answer)
        let rate = ExpectedRate.limited(ExpectedRate.confidence(threshold), block: expected.block)
        let forwards = max(expected.wanted / rate, expected.wanted / expected.block)
        return DecodingEffort(
            forwards: forwards, tokens: expected.block + prompt / forwards,
            cached: prompt + expected.wanted / 2, logitRows: expected.block / 2)
    }
}

/// dLLM-Var's decoding (arXiv 2510.24605; `generate` of maomaocun/dLLM-Var at 4026b46): blocks are added until one of them holds
/// an end token; a block's keys and values are kept one block late and never computed again.
///
/// What stands behind the end token in its block is decoded and stays. Upstream rewrites a position of rows that are complete
/// while other rows of a batch aren't, and an end token of one row ends all; here each sequence is decoded as if it were alone.
package struct VariableLengthDecoder: Decoder {
    package private(set) var state: DecodingState
    private let options: VariableLengthOptions
    private let layout: BlockLayout
    /// The last block that was added, from 0.
    private var block = 0
    /// Whether the block before joins the cache with the next forward.
    private var isAdding = false

    package init(_ task: DecodingTask, _ options: VariableLengthOptions) {
        precondition(options.blockLength > 0, "a block holds at least one token")
        state = DecodingState(task, maskCount: options.blockLength)
        self.options = options
        layout = BlockLayout(
            promptLength: task.prompt.count, generationLength: options.generationLength,
            blockLength: options.blockLength)
    }

    package var maximumLength: Int { layout.range(layout.wholeBlocks).lowerBound }

    package mutating func nextRequest() -> ForwardRequest? {
        if !state.hasMask(in: state.generated) {
            let hasEnded = state.firstEnd(in: state.generated) != nil
            guard !hasEnded, block + 1 < layout.wholeBlocks else { return nil }
            block += 1
            isAdding = true
            state.appendMasks(options.blockLength)
        }
        if state.forwards > 0 || options.countsPrefill == .corrected { state.evaluations += 1 }
        let last = layout.range(block)
        let isFirst = state.forwards == 0
        let inputs =
            isFirst
            ? 0..<last.upperBound : isAdding ? layout.range(block - 1).lowerBound..<last.upperBound : last
        let window = isFirst ? last : inputs
        return state.issue(
            ForwardRequest(
                isFirst ? .prefill : isAdding ? .cacheUpdate : .cached, inputs: inputs,
                candidates: options.edits ? Array(window) : state.maskedPositions(in: window),
                cache: isFirst
                    ? .rebuild(state.promptLength) : isAdding ? .append(options.blockLength) : .read),
            blocks: blockStates)
    }

    @discardableResult
    package mutating func accept(_ predictions: [Prediction]) -> StepRecord {
        isAdding = false
        let masked = predictions.filter { state.isMasked($0.position) }
        let known = predictions.filter {
            !state.isMasked($0.position) && $0.token != state.tokens[$0.position]
        }
        var accepted = masked.filter { $0.probability > options.threshold }
        if accepted.isEmpty { accepted = Array(AcceptanceRule.byConfidence(masked).prefix(1)) }
        return state.complete(accepting: accepted + known)
    }

    private var blockStates: [BlockState] { .oneAtATime(layout.wholeBlocks, current: block) }
}

extension DecodingMethod {
    static let variableLength = DecodingMethod(
        "dllm-var",
        "dLLM-Var: blocks until one holds the end token, with a cache that is filled one block late.",
        defaults: VariableLengthOptions()
    ) { VariableLengthDecoder($0, $1) }
}
