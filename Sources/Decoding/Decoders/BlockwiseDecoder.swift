package import Documents

/// Options of ``BlockwiseDecoder`` and ``BlockCacheDecoder``: blocks left to right, one at a time.
package struct BlockwiseOptions: DecoderOptions {
    /// Tokens to generate; a multiple of ``blockLength``.
    package var generationLength: Int
    /// Tokens per block.
    package var blockLength: Int
    /// Forwards over all blocks that ``AcceptanceRule/scheduled`` plans with; nil for one token per forward.
    ///
    /// A multiple of the number of blocks.
    package var steps: Int?
    /// Which predictions become tokens.
    package var rule: AcceptanceRule
    /// Which of the predictions a planned number is taken from first.
    package var remasking = Remasking.lowConfidence
    /// 0 takes the most probable token; larger values draw from softmax(logits / temperature).
    ///
    /// In LLaDA's form (noise on the logits, confidence without temperature), or with the rule
    /// ``AcceptanceRule/entropyBelow(_:)`` in d3LLM's for Dream.
    package var temperature = 0.0
    /// Whether decoding stops once the end token is decoded, in the way of ``earlyStopStyle``.
    package var earlyStop: Bool
    /// See ``EarlyStopStyle``.
    package var earlyStopStyle: EarlyStopStyle
    /// Whether a block that its cache-filling forward already finished still costs a second, useless forward.
    ///
    /// Fast-dLLM does that, dInfer's port of it doesn't. Only ``BlockCacheDecoder`` looks at it.
    package var forwardsFinishedBlocks: Bool
    /// Number of most probable tokens whose logits alone make probabilities and entropies; nil for all.
    ///
    /// Upstream's Dream code silently takes 50, from the model's generation defaults, unless it is told otherwise,
    /// as its evaluation does.
    package var topK: Int?
    /// Only the most probable tokens that together pass this probability are drawn from, in stitching's form
    /// (``TokenChoice/Form/limited``); nil draws in LLaDA's.
    package var drawnTopP: Double?

    /// Creates options; the defaults decode one token per forward.
    package init(
        generationLength: Int = 256, blockLength: Int = 32, steps: Int? = nil,
        rule: AcceptanceRule = .scheduled, earlyStop: Bool = false,
        earlyStopStyle: EarlyStopStyle = .fill, forwardsFinishedBlocks: Bool = true
    ) {
        self.generationLength = generationLength
        self.blockLength = blockLength
        self.steps = steps
        self.rule = rule
        self.earlyStop = earlyStop
        self.earlyStopStyle = earlyStopStyle
        self.forwardsFinishedBlocks = forwardsFinishedBlocks
    }

    /// Fast-dLLM with its published threshold.
    static let fastDLLM = BlockwiseOptions(rule: .confidence(0.9))
    /// dInfer's port of Fast-dLLM with the factor rule.
    static let dInfer = BlockwiseOptions(
        rule: .factor(1), earlyStopStyle: .dInfer, forwardsFinishedBlocks: false)

    /// Stitching's sampler for its rollouts, with the settings of GSM8K.
    static let stitching: BlockwiseOptions = {
        var options = BlockwiseOptions(
            generationLength: 512, rule: .confidence(0.7), forwardsFinishedBlocks: false)
        (options.temperature, options.drawnTopP) = (1.7, 0.9)
        return options
    }()

    /// What a planned forward leaves masked (LLaDA's `remasking`).
    package enum Remasking: String, Sendable, Hashable, CaseIterable {
        /// The predictions with the lowest probability.
        case lowConfidence
        /// Random ones.
        case random
        /// The predictions with the highest entropy (TAD).
        case highEntropy
    }

    /// Planned forwards per block.
    var stepsPerBlock: Int { (steps ?? generationLength) / max(1, generationLength / blockLength) }
}

extension BlockwiseOptions {
    package init(_ fields: Fields, defaults: BlockwiseOptions) {
        self.init(fields, defaults: defaults, hasRemasking: true)
    }

    /// - Parameters:
    ///   - hasRemasking: whether the decoder knows ``remasking``.
    ///   - hasTemperature: whether it can draw tokens.
    init(
        _ fields: Fields, defaults: BlockwiseOptions, hasRemasking: Bool = true, hasTemperature: Bool = true
    ) {
        self = defaults
        (generationLength, blockLength) = fields.lengths(
            generation: defaults.generationLength, block: defaults.blockLength)
        steps = fields.option(
            "steps", default: defaults.steps, in: 1...1_000_000,
            "Forwards over all blocks that the rule \"scheduled\" plans; null plans one token per forward.")
        rule = Self.rule(fields, defaults: defaults.rule)
        if hasRemasking {
            remasking = fields.option(
                "remasking", default: defaults.remasking,
                "Which predictions the rule \"scheduled\" leaves masked: the least probable, random ones, or those with the highest entropy (as TAD)."
            )
        }
        if hasTemperature { temperature = fields.temperature(default: defaults.temperature) }
        earlyStop = fields.earlyStop(
            default: defaults.earlyStop, "Whether everything after a decoded end token is settled.")
        if defaults.earlyStopStyle != .fill {
            earlyStopStyle = fields.option(
                "earlyStopStyle", default: defaults.earlyStopStyle,
                "How an early stop settles: as dInfer, which counts end tokens of the prompt, skips the forward that fills the cache and may leave masks; by filling after each forward; or by filling and ending at once, with the masks before the end token left (end)."
            )
        }
        topK = fields.topK(default: defaults.topK)
        if defaults.drawnTopP != nil {
            drawnTopP = fields.topP(default: defaults.drawnTopP) ?? 1
            fields.condition("topP", isUsed: temperature > 0, with: "the temperature 0", user: "drawn tokens")
        }
        fields.requireWholeBlocks(generation: generationLength, block: blockLength)
        fields.requireEqualSteps(steps, blocks: generationLength / blockLength)
        conditions(fields)
    }

    /// Which options the others leave without an effect.
    private func conditions(_ fields: Fields) {
        let name = rule.name.rawValue
        let isThreshold = [.confidence, .entropy, .entropyBelow].contains(rule.name)
        let reason = "the rule \"\(name)\""
        fields.condition(
            "steps", "remasking", isUsed: rule == .scheduled, with: reason, user: "the rule \"scheduled\"")
        fields.condition(
            "threshold", isUsed: isThreshold, with: reason,
            user: "the rules \"confidence\", \"entropy\" and \"entropyBelow\"")
        fields.condition(
            "factor", "factorLast", isUsed: rule.name == .factor, with: reason, user: "the rule \"factor\"")
        fields.condition(
            "earlyStopStyle", isUsed: earlyStop, with: "\"earlyStop\" false", user: "\"earlyStop\" true")
        let ordersAtRandom = rule == .scheduled && remasking == .random
        fields.condition(
            "topK", isUsed: temperature > 0 || !ordersAtRandom,
            with: "\"remasking\" \"random\" at \"temperature\" 0",
            user: "orders by confidence and for larger temperatures")
    }

    package var lengths: DecodingLengths { DecodingLengths(response: generationLength, block: blockLength) }

    package func effort(prompt: Double, answer: Double) -> DecodingEffort? {
        effort(ExpectedResponse(lengths, stopsEarly: earlyStop, prompt: prompt, answer: answer))
    }

    /// The effort with the whole sequence in each forward.
    func effort(_ expected: ExpectedResponse) -> DecodingEffort {
        let forwards: Double
        if let rate = rule.expectedRate {
            forwards = max(expected.wanted / ExpectedRate.limited(rate, block: expected.block), 1)
        } else {
            forwards = Double(steps ?? generationLength) * expected.wanted / expected.length
        }
        return DecodingEffort(forwards: forwards, tokens: expected.whole, logitRows: expected.block * 0.6)
    }

    /// The rule is named by one option and its number by another, so that a sweep can vary the number alone.
    private static func rule(
        _ fields: Fields, defaults: AcceptanceRule
    ) -> AcceptanceRule {
        let (threshold, factor): (Double, Double) =
            switch defaults {
            case .scheduled: (0.9, 1)
            case .confidence(let threshold): (threshold, 1)
            case .entropy(let threshold): (threshold, 1)
            case .entropyBelow(let threshold): (threshold, 1)
            case .factor(let factor, _): (0.9, factor)
            }
        let chosen = fields.option("rule", default: defaults.name, "Which predictions become tokens.")
        let level = fields.option(
            "threshold", default: threshold, in: 0...1000,
            "Smallest probability (rule \"confidence\") or largest entropy in nats (rule \"entropy\") to accept, or the entropy to stay below (rule \"entropyBelow\").",
            isAlwaysRecorded: true
        )
        let number = fields.option(
            "factor", default: factor, in: 0...1000,
            "The j-th best of a forward needs a probability of 1 - factor / (j + 1) (rule \"factor\").",
            isAlwaysRecorded: true)
        let last = fields.option(
            "factorLast", default: Quirks.Behaviour.faithful,
            "Rule \"factor\": whether the very last prediction is accepted after all others although it misses its probability (faithful) or not (corrected)."
        )
        return switch chosen {
        case .scheduled: .scheduled
        case .confidence: .confidence(level)
        case .entropy: .entropy(level)
        case .entropyBelow: .entropyBelow(level)
        case .factor: .factor(number, last: last)
        }
    }
}

extension AcceptanceRule {
    /// The rule without its number, as configurations name it.
    enum Name: String, CaseIterable { case scheduled, confidence, entropy, entropyBelow, factor }

    var name: Name {
        switch self {
        case .scheduled: .scheduled
        case .confidence: .confidence
        case .entropy: .entropy
        case .entropyBelow: .entropyBelow
        case .factor: .factor
        }
    }
}

/// How a decoder that works on one block at a time stops once it has decoded the end token.
package enum EarlyStopStyle: String, Sendable, Hashable, CaseIterable {
    /// After each forward, everything after the first end token of the response becomes the end token; decoding
    /// ends when no mask is left before it.
    case fill
    /// As dInfer: the same after each forward but the one that fills the cache, looking at the prompt too; and
    /// decoding ends after a block if there is an end token anywhere.
    ///
    /// So an end token in the prompt overwrites all that follows it there, and a block that the cache-filling forward
    /// finished ends decoding with masks left behind it.
    case dInfer
    /// As TAD: after the first forward that decodes an end token, everything behind that becomes the end token and decoding
    /// ends; masks before it are left.
    case end
}

extension BlockwiseOptions {
    /// How tokens are chosen from a row of logits.
    var choice: TokenChoice {
        if let drawnTopP {
            return TokenChoice(.limited, temperature: temperature, topP: drawnTopP, topK: topK)
        }
        if case .entropyBelow = rule { return TokenChoice(.softmax, temperature: temperature, topK: topK) }
        return TokenChoice(.gumbel, temperature: temperature, topK: topK)
    }

    /// The same in Fast-dLLM's version for Dream.
    var dreamChoice: TokenChoice {
        if case .entropyBelow = rule { return choice }
        return TokenChoice(.tempered, temperature: temperature, topK: topK)
    }

    /// The accepted ones of a forward's predictions.
    ///
    /// - Parameters:
    ///   - scheduled: how many the plan allows.
    ///   - draws: the forward's random numbers.
    func select(_ predictions: [Prediction], scheduled: Int, draws: SamplingStep) -> [Prediction] {
        if remasking == .lowConfidence { return rule.select(predictions, scheduled: scheduled) }
        if remasking == .highEntropy {
            return Array(predictions.sorted(by: EntropyRule.precedes).prefix(max(1, scheduled)))
        }
        let places = predictions.map { (draws.uniform("remasking", at: $0.position), $0) }
        return places.sorted { $0.0 < $1.0 }.prefix(max(1, scheduled)).map(\.1)
    }
}

/// Blocks left to right with a forward of the whole sequence each turn: LLaDA's `generate`, and the same with
/// d3LLM's and dParallel's entropy threshold, Fast-dLLM's confidence threshold or its factor rule.
package struct BlockwiseDecoder: Decoder {
    package private(set) var state: DecodingState
    private let options: BlockwiseOptions
    private var cursor: BlockCursor

    package init(_ task: DecodingTask, _ options: BlockwiseOptions) {
        state = DecodingState(task, maskCount: options.generationLength, choice: options.choice)
        cursor = BlockCursor(options, promptLength: task.prompt.count)
        self.options = options
    }

    package var maximumLength: Int { cursor.layout.end }

    package mutating func nextRequest() -> ForwardRequest? {
        while let block = cursor.current(state), !state.hasMask(in: block) { cursor.finishBlock(state) }
        guard let block = cursor.current(state) else { return nil }
        state.evaluations += 1
        let request = ForwardRequest(
            .full, inputs: 0..<state.tokens.count,
            candidates: state.maskedPositions(in: 0..<block.upperBound))
        return state.issue(request, blocks: cursor.blockStates, drawing: request.inputs)
    }

    @discardableResult
    package mutating func accept(_ predictions: [Prediction]) -> StepRecord {
        let accepted = options.select(
            predictions, scheduled: cursor.scheduledCount(), draws: state.draws)
        let record = state.complete(accepting: accepted)
        cursor.applyEarlyStop(&state, filledCache: false)
        return record
    }
}

extension DecodingMethod {
    /// LLaDA's own decoding.
    static let vanilla = DecodingMethod(
        "vanilla", "LLaDA: blocks left to right, a planned number of most confident tokens per forward.",
        defaults: BlockwiseOptions(rule: .scheduled)
    ) { BlockwiseDecoder($0, $1) }

    /// d3LLM's `generate`, which dParallel uses too.
    static let entropy = DecodingMethod(
        "entropy", "dParallel: blocks left to right, every token under an entropy threshold.",
        defaults: BlockwiseOptions(rule: .entropy(0.5))
    ) { BlockwiseDecoder($0, $1) }

    /// Fast-dLLM's `generate`.
    static let fastDLLM = DecodingMethod(
        "fast-dllm", "Fast-dLLM: blocks left to right, every token over a confidence threshold.",
        defaults: .fastDLLM
    ) { BlockwiseDecoder($0, $1) }

    /// TAD's `generate`: d3LLM's with a strict threshold, and an early stop of its own.
    static let tad = DecodingMethod(
        "tad", "TAD: blocks left to right, every token below an entropy threshold, ends at the end token.",
        defaults: BlockwiseOptions(rule: .entropyBelow(0.5), earlyStopStyle: .end)
    ) { BlockwiseDecoder($0, $1) }

    /// The sampler of stitching's rollouts (roymiles/diffusion-stitching at c87a33c, `generate_fastdllm.py`).
    static let stitching = DecodingMethod(
        "stitching",
        "Stitching's rollouts: Fast-dLLM with tokens drawn from the most probable ones at a temperature.",
        defaults: .stitching
    ) { BlockwiseDecoder($0, $1) }

    /// dInfer's port of it.
    static let dInfer = DecodingMethod(
        "dinfer", "dInfer's port of Fast-dLLM: factor rule, early stop.", defaults: .dInfer
    ) { BlockwiseDecoder($0, $1) }
}
