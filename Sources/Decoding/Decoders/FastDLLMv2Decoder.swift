package import Documents
internal import Transformers

/// Options of ``FastDLLMv2Decoder``; the defaults are those of the released evaluation, but for the threshold, which it sets to 1
/// for GSM8K, MATH and IFEval.
package struct FastDLLMv2Options: DecoderOptions {
    /// When decoding ends at an end token.
    package enum End: String, Sendable, Hashable, CaseIterable {
        /// As the checkpoint's `generate`: as soon as no mask stands before it.
        case atOnce
        /// As the evaluation's `batch_sample`: with its block, and only if a forward of that block decoded it.
        case afterBlock
    }

    /// Tokens to generate, in whole blocks of the absolute grid.
    package var generationLength = 256
    /// Tokens per block.
    package var blockLength = 32
    /// Tokens per part of a block; parts are decoded one after another.
    package var subBlockLength = 8
    /// Predictions with a higher probability than this are accepted, and the most probable one always.
    package var threshold = 0.9
    /// Whether a part is forwarded alone beside its block's keys and values.
    package var blockCache = false
    /// 0 takes the most probable token; larger values draw from softmax(logits / temperature).
    package var temperature = 0.0
    /// Only the most probable tokens that together pass this probability count; nil for all.
    package var topP: Double?
    /// See ``End``.
    package var end = End.afterBlock
    /// Which blocks the denoising forwards see.
    ///
    /// `faithful`: those of 32 tokens whatever ``blockLength`` is, because upstream doesn't hand it on: no difference where it
    /// divides 32. `corrected`: those of ``blockLength``.
    package var attentionBlocks = Quirks.Behaviour.faithful

    package init() {}

    package init(_ fields: Fields, defaults: FastDLLMv2Options) {
        self = defaults
        (generationLength, blockLength) = fields.lengths(
            generation: defaults.generationLength, block: defaults.blockLength)
        subBlockLength = fields.subBlockLength(default: defaults.subBlockLength, block: blockLength)
        threshold = fields.option(
            "threshold", default: defaults.threshold, in: 0...1,
            "Predictions with a higher probability are accepted; 1 accepts one token per forward.",
            isAlwaysRecorded: true)
        blockCache = fields.option(
            "blockCache", default: defaults.blockCache,
            "Whether a part of a block is forwarded alone beside its block's keys and values.")
        temperature = fields.temperature(default: defaults.temperature)
        topP = fields.topP(default: defaults.topP)
        fields.condition(
            "topP", isUsed: temperature > 0, with: "\"temperature\" 0, which takes the most probable token",
            user: "larger temperatures")
        end = fields.option(
            "end", default: defaults.end,
            "Where an end token ends decoding: atOnce as in the checkpoint's generate, or afterBlock as in the evaluation's batch_sample, which misses end tokens at the start of a block."
        )
        attentionBlocks = fields.option(
            "attentionBlocks", default: defaults.attentionBlocks,
            "Whether denoising forwards attend by blocks of 32 tokens whatever the block length (faithful) or by blocks of that length (corrected)."
        )
    }

    package var lengths: DecodingLengths { DecodingLengths(response: generationLength, block: blockLength) }

    package func effort(prompt: Double, answer: Double) -> DecodingEffort? {
        let expected = ExpectedResponse(lengths, stopsEarly: true, prompt: prompt, answer: answer)
        let rate = ExpectedRate.limited(
            ExpectedRate.confidence(threshold), block: min(Double(subBlockLength), expected.block))
        return expected.besideExactCache(rate: rate, logitRows: Double(subBlockLength) / 2)
    }
}

extension Fields {
    /// Tokens of the parts that a block is decoded in; rejects what doesn't divide it.
    func subBlockLength(default value: Int, block: Int) -> Int {
        let length = option(
            "subBlockLength", default: min(value, block), in: 1...1_000_000,
            "Tokens per part of a block; parts are decoded one after another.")
        if block % length != 0 {
            reject(
                "subBlockLength",
                "\"subBlockLength\" is \(length) and should divide \"blockLength\", \(block).")
        }
        return length
    }
}

/// Fast-dLLM v2 (arXiv 2509.26328; `generate` of the checkpoint's `modeling.py`, `batch_sample` of NVlabs/Fast-dLLM
/// `v2/generation_functions.py`) for models that attend to the blocks up to their own: an exact cache, blocks of the absolute
/// grid in parts one after another, and an autoregressive token between blocks.
///
/// A prompt of exactly one block is fed as any other here; upstream never looks at it. In batches upstream refreshes a block's
/// keys and values for all rows where one of them needs it, and in some of them replaces a prompt's last token; here
/// each sequence is decoded as if it were alone.
package struct FastDLLMv2Decoder: Decoder {
    package private(set) var state: DecodingState
    private let options: FastDLLMv2Options
    /// The block under way.
    private var block: Range<Int>?
    private var blocksLeft: Int
    /// Whether the block's own keys and values are in the cache, behind those of the blocks before.
    private var holdsBlock = false
    /// Whether a forward of this block decoded an end token.
    private var hasDecodedEnd = false
    private var hasEnded = false

    package init(_ task: DecodingTask, _ options: FastDLLMv2Options) {
        precondition(
            options.blockLength > 0 && options.subBlockLength > 0
                && options.blockLength % options.subBlockLength == 0, "parts fill their block")
        state = DecodingState(
            task, maskCount: 0,
            choice: options.temperature > 0
                ? TokenChoice(.tempered, temperature: options.temperature, topP: options.topP)
                : TokenChoice())
        self.options = options
        blocksLeft = options.generationLength / options.blockLength
    }

    package var maximumLength: Int {
        let blocks = state.promptLength / options.blockLength + options.generationLength / options.blockLength
        return max(state.promptLength, blocks * options.blockLength) + 1
    }

    package mutating func nextRequest() -> ForwardRequest? {
        guard !hasEnded else { return nil }
        if state.forwards == 0, state.promptLength >= options.blockLength { return prefill() }
        if block == nil, !openBlock() { return end() }
        guard let block else { return end() }
        // Behind an end token neither the rest of the block nor its cache is wanted.
        if hasStopped(in: block) { return end() }
        let part = parts(of: block).first { !state.undecided(in: $0).isEmpty }
        return part.map { denoise($0, of: block) } ?? commit(block)
    }

    private mutating func end() -> ForwardRequest? {
        hasEnded = true
        if options.end == .atOnce, let end = state.firstEnd(in: state.generated) { state.cut(to: end + 1) }
        return nil
    }

    /// Fills the sequence up to the end of a block; false where no further one is to be decoded.
    private mutating func openBlock() -> Bool {
        let length = options.blockLength
        guard blocksLeft > 0 else { return false }
        if options.end == .atOnce, state.firstEnd(in: state.generated) != nil { return false }
        blocksLeft -= 1
        state.appendMasks((length - state.tokens.count % length) % length)
        block = (state.tokens.count - length)..<state.tokens.count
        return true
    }

    private func parts(of block: Range<Int>) -> [Range<Int>] {
        stride(from: block.lowerBound, to: block.upperBound, by: options.subBlockLength).map {
            $0..<$0 + options.subBlockLength
        }
    }

    /// Whether the block holds an end token of the response with no mask before it.
    private func hasStopped(in block: Range<Int>) -> Bool {
        let response = max(block.lowerBound, state.promptLength)..<block.upperBound
        guard options.end == .atOnce, let end = state.firstEnd(in: response) else { return false }
        return !state.hasMask(in: response.lowerBound..<end)
    }

    // MARK: - Forwards

    /// The prompt's whole blocks; where they are all of it, its last row gives the first token.
    private mutating func prefill() -> ForwardRequest {
        let length = state.promptLength / options.blockLength * options.blockLength
        let candidates = length == state.promptLength ? [length] : []
        return issue(
            ForwardRequest(
                .prefill, inputs: 0..<length, candidates: candidates, cache: .rebuild(length),
                attention: blocks(of: options.blockLength), boundaryRow: .local, predictsNext: true))
    }

    private mutating func denoise(_ part: Range<Int>, of block: Range<Int>) -> ForwardRequest {
        let masks = state.undecided(in: part)
        let start = block.lowerBound
        if holdsBlock, !state.isMasked(part.lowerBound) {
            return issue(
                drawing: part,
                ForwardRequest(
                    .dual, inputs: part, candidates: masks, cache: .overwrite(at: part.lowerBound),
                    boundaryRow: .local))
        }
        holdsBlock = options.blockCache
        let cache: ForwardRequest.CacheAction =
            options.blockCache ? keep(block) : start == 0 ? .ignore : .read
        return issue(
            drawing: part,
            ForwardRequest(
                options.blockCache ? .blockPrefill : start == 0 ? .full : .cached, inputs: block,
                candidates: masks, cache: cache,
                attention: blocks(of: options.attentionBlocks == .faithful ? 32 : options.blockLength),
                boundaryRow: .local))
    }

    /// The complete block joins the cache, and its last row gives the next block's first token.
    private mutating func commit(_ block: Range<Int>) -> ForwardRequest {
        issue(
            ForwardRequest(
                .cacheUpdate, inputs: block, candidates: [block.upperBound], cache: keep(block),
                attention: blocks(of: options.blockLength), boundaryRow: .local, predictsNext: true))
    }

    private func keep(_ block: Range<Int>) -> ForwardRequest.CacheAction {
        block.lowerBound == 0 ? .rebuild(block.count) : .replace(from: block.lowerBound, block.count)
    }

    private func blocks(of length: Int) -> AttentionPattern {
        .blockCausal(promptLength: 0, blockLength: length)
    }

    /// Tokens are drawn by denoising forwards only; those between blocks are the most probable ones.
    private mutating func issue(
        drawing range: Range<Int>? = nil, _ request: ForwardRequest
    ) -> ForwardRequest {
        state.evaluations += 1
        var issued = state.issue(request, blocks: blockStates, drawing: range)
        if range == nil { (issued.choice, issued.draws) = (TokenChoice(), nil) }
        return issued
    }

    @discardableResult
    package mutating func accept(_ predictions: [Prediction]) -> StepRecord {
        let kind = state.answered().kind
        if kind == .prefill || kind == .cacheUpdate {
            for prediction in predictions { state.append(prediction.token) }
            if kind == .cacheUpdate { (block, holdsBlock) = (nil, false) }
            return state.complete(accepting: predictions)
        }
        let sorted = AcceptanceRule.byConfidence(predictions)
        let accepted = sorted.prefix(1) + sorted.dropFirst().filter { $0.probability > options.threshold }
        let record = state.complete(accepting: Array(accepted))
        guard options.end == .afterBlock, let block else { return record }
        hasDecodedEnd = hasDecodedEnd || accepted.contains { state.isEnd($0.token) }
        if hasDecodedEnd, state.undecided(in: block).isEmpty {
            state.fillAfterEnd(in: state.generated)
            hasEnded = true
        }
        return record
    }

    private var blockStates: [BlockState] {
        let length = options.blockLength
        let next = block?.lowerBound ?? (state.tokens.count + length - 1) / length * length
        return .oneAtATime(
            options.generationLength / length, current: next / length - state.promptLength / length)
    }
}

extension DecodingMethod {
    static let fastDLLMv2 = DecodingMethod(
        "fast-dllm-v2",
        "Fast-dLLM v2: blocks after an exact cache, in parts, with an autoregressive token between them.",
        attends: .byBlocks, defaults: FastDLLMv2Options()
    ) { FastDLLMv2Decoder($0, $1) }
}
