package import Documents
internal import Transformers

/// Options of ``SDARDecoder``; the defaults are those of the published evaluation: greedy, blocks of four, one token per forward
/// at least.
package struct SDAROptions: DecoderOptions {
    /// Which predictions of a block are accepted.
    package enum Rule: String, Sendable, Hashable, CaseIterable {
        /// The planned number of the most probable ones.
        case planned
        /// All above the threshold where these are at least the planned number, else the planned number.
        case threshold
        /// The planned number from the first mask on.
        case sequential
    }

    /// What a prediction's probability is measured in.
    package enum Confidence: String, Sendable, Hashable, CaseIterable {
        /// All tokens, at the temperature (the evaluation's `huggingface_bd3.py`).
        case open
        /// What the limits leave (`generate.py`), so that it is 1 with `topK` 1.
        case limited
    }

    /// Tokens to generate; rounded up to whole blocks of the absolute grid.
    package var generationLength = 256
    /// Tokens per block.
    package var blockLength = 4
    /// Forwards that a block's tokens are planned over.
    package var steps = 4
    /// See ``Rule``.
    package var rule = Rule.threshold
    /// The probability to exceed, of the rule ``Rule/threshold``.
    package var threshold = 0.95
    /// See ``Confidence``.
    package var confidence = Confidence.open
    /// Tokens are drawn from softmax(logits / temperature) as far as the limits leave a choice.
    package var temperature = 1.0
    /// Only the most probable tokens that together pass this probability count; nil for all.
    package var topP: Double?
    /// Number of most probable tokens that count; 1 takes the most probable one, nil all.
    package var topK: Int? = 1

    package init() {}

    package init(_ fields: Fields, defaults: SDAROptions) {
        self = defaults
        (generationLength, blockLength) = fields.lengths(
            generation: defaults.generationLength, block: defaults.blockLength)
        steps = fields.option(
            "steps", default: min(defaults.steps, blockLength), in: 1...1_000_000,
            "Forwards that a block's tokens are planned over, evenly.")
        rule = fields.option(
            "rule", default: defaults.rule,
            "Which predictions are accepted: a planned number of the most probable ones (planned) or from the first mask on (sequential), or all above the threshold where these are more than planned (threshold)."
        )
        threshold = fields.option(
            "threshold", default: defaults.threshold, in: 0...1,
            "The probability to exceed, of the rule \"threshold\".", isAlwaysRecorded: true)
        fields.condition(
            "threshold", isUsed: rule == .threshold, with: "the rule \"\(rule.rawValue)\"",
            user: "the rule \"threshold\"")
        confidence = fields.option(
            "confidence", default: defaults.confidence,
            "Whether probabilities are of all tokens (open, the published evaluation) or of what topK and topP leave (limited, generate.py)."
        )
        fields.condition(
            "confidence", isUsed: rule != .sequential, with: "the rule \"sequential\"", user: "other rules")
        temperature = fields.temperature(default: defaults.temperature)
        topP = fields.topP(default: defaults.topP)
        topK = fields.option(
            "topK", default: defaults.topK, in: 1...1_000_000,
            "Number of most probable tokens that count; 1 takes the most probable one, null all.")
    }

    package var lengths: DecodingLengths { DecodingLengths(response: generationLength, block: blockLength) }

    package func effort(prompt: Double, answer: Double) -> DecodingEffort? {
        let expected = ExpectedResponse(lengths, stopsEarly: true, prompt: prompt, answer: answer)
        let planned = Double(blockLength) / Double(steps)
        let rate = ExpectedRate.limited(
            rule == .threshold ? max(planned, ExpectedRate.confidence(threshold)) : planned,
            block: expected.block)
        return expected.besideExactCache(rate: rate, logitRows: expected.block / 2)
    }
}

/// SDAR's decoding (arXiv 2510.06303; `huggingface_bd3.py` and `generate.py` of JetAstra/SDAR at c2041a8) for models that attend to
/// the blocks up to their own: block after block beside an exact cache, and a forward more for each that is complete.
///
/// Ends with the block in which an end token stands, or with the last one; blocks that weren't begun stay masked. Where
/// more tokens are planned than masks are left, `generate.py` rewrites some that are there, prompt tokens too; here they stay.
package struct SDARDecoder: Decoder {
    package private(set) var state: DecodingState
    private let options: SDAROptions
    private let schedule: TransferSchedule
    private let draws: Bool
    private let end: Int
    private var start: Int
    /// Forwards of the block under way.
    private var step = 0
    private var hasEnded = false

    package init(_ task: DecodingTask, _ options: SDAROptions) {
        precondition(options.blockLength > 0, "a block holds at least one token")
        let (prompt, length) = (task.prompt.count, options.blockLength)
        end = (prompt + options.generationLength + length - 1) / length * length
        var choice = TokenChoice(
            options.confidence == .open ? .open : .tempered, temperature: options.temperature,
            topP: options.topP, topK: options.topK)
        choice.limitsNumberFirst = true
        state = DecodingState(task, maskCount: end - prompt, choice: choice)
        self.options = options
        draws = options.topK != 1
        schedule = TransferSchedule(masks: length, steps: options.steps)
        start = prompt / length * length
    }

    package var maximumLength: Int { end }

    private var block: Range<Int> { start..<start + options.blockLength }

    package mutating func nextRequest() -> ForwardRequest? {
        guard !hasEnded, start < end else { return nil }
        state.evaluations += 1
        if state.forwards == 0, start > 0 {
            return issue(.prefill, 0..<start, candidates: [], .rebuild(start))
        }
        let masks = state.undecided(in: block)
        let isFirst = start == 0
        if masks.isEmpty {
            return issue(
                .cacheUpdate, block, candidates: [],
                isFirst ? .rebuild(block.count) : .append(block.count))
        }
        return issue(.cached, block, candidates: masks, isFirst ? .ignore : .read)
    }

    private mutating func issue(
        _ kind: ForwardRequest.Kind, _ inputs: Range<Int>, candidates: [Int],
        _ cache: ForwardRequest.CacheAction
    ) -> ForwardRequest {
        let isDrawn = draws && !candidates.isEmpty
        var request = state.issue(
            ForwardRequest(
                kind, inputs: inputs, candidates: candidates, cache: cache,
                attention: .blockCausal(promptLength: 0, blockLength: options.blockLength),
                // Of models whose rows predict the next token: the row before the next block.
                boundaries: candidates.isEmpty ? [inputs.upperBound] : []),
            blocks: blockStates, drawing: isDrawn ? block : nil)
        if !isDrawn { request.draws = nil }
        return request
    }

    @discardableResult
    package mutating func accept(_ predictions: [Prediction]) -> StepRecord {
        let request = state.answered()
        if request.kind == .prefill { return state.complete(accepting: []) }
        if request.candidates.isEmpty {
            // An end token is looked for once its block is stored.
            hasEnded = state.firstEnd(in: state.promptLength..<block.upperBound) != nil
            (start, step) = (block.upperBound, 0)
            return state.complete(accepting: [])
        }
        let count = max(1, schedule.count(at: step))
        step += 1
        return state.complete(accepting: accepted(predictions, count))
    }

    private func accepted(_ predictions: [Prediction], _ count: Int) -> [Prediction] {
        switch options.rule {
        case .sequential:
            guard let first = predictions.first?.position else { return [] }
            return predictions.filter { $0.position < first + count }
        case .planned: return Array(AcceptanceRule.byConfidence(predictions).prefix(count))
        case .threshold:
            let sure = predictions.filter { $0.probability > options.threshold }
            return sure.count >= count ? sure : Array(AcceptanceRule.byConfidence(predictions).prefix(count))
        }
    }

    private var blockStates: [BlockState] {
        let length = options.blockLength
        let first = state.promptLength / length
        return .oneAtATime(end / length - first, current: start / length - first)
    }
}

extension DecodingMethod {
    static let sdar = DecodingMethod(
        "sdar", "SDAR: block after block beside an exact cache, all attention by blocks.",
        attends: .byBlocks, defaults: SDAROptions()
    ) { SDARDecoder($0, $1) }
}
