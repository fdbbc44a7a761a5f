package import Documents

/// Dream's own sampler: the whole response at once, a planned number of tokens per forward of the whole sequence.
///
/// A forward may decode nothing, when more are planned than there are tokens; it is made and counted all the same.
package struct DreamDecoder: Decoder {
    package private(set) var state: DecodingState
    private let options: DreamOptions
    private let times: UnmaskingTimes
    /// Forwards to make; ``DreamOptions/Rule/threshold`` adds some when tokens are left over.
    private var steps: Int
    /// With a threshold: tokens that each forward is meant to decode, and those that earlier ones didn't.
    private var quota: Int
    private var leftOver = 0

    package init(_ task: DecodingTask, _ options: DreamOptions) {
        precondition(options.plannedSteps > 0, "decoding takes at least one forward")
        state = DecodingState(task, maskCount: options.generationLength, choice: options.choice)
        self.options = options
        steps = options.plannedSteps
        quota = options.generationLength / steps
        times = UnmaskingTimes(steps: steps / options.blocks, last: options.lastTime)
    }

    /// Forwards of a block.
    private var stepsPerBlock: Int { max(1, options.plannedSteps / options.blocks) }

    /// Where masks are decoded: the block under way, or everywhere.
    private var decoded: Range<Int> {
        guard let length = options.blockLength, options.rule != .threshold else {
            return 0..<state.tokens.count
        }
        let start = state.promptLength + state.forwards / stepsPerBlock * length
        return start..<start + length
    }

    /// How many forwards of the block, or of all, were made.
    private var step: Int {
        options.rule == .threshold ? state.forwards : state.forwards % stepsPerBlock
    }

    package var maximumLength: Int { state.tokens.count }

    package mutating func nextRequest() -> ForwardRequest? {
        guard state.forwards < steps else { return nil }
        state.evaluations += 1
        let masks = state.maskedPositions(in: decoded)
        return state.issue(
            ForwardRequest(.full, inputs: 0..<state.tokens.count, candidates: masks), blocks: blockStates,
            drawing: masks)
    }

    @discardableResult
    package mutating func accept(_ predictions: [Prediction]) -> StepRecord {
        switch options.rule {
        case .threshold: return state.complete(accepting: takeConfident(ordered(predictions)))
        case .random: return state.complete(accepting: takeAtRandom(predictions))
        case .probability, .margin, .entropy:
            let count = times.count(at: step, masks: predictions.count)
            return state.complete(accepting: Array(ordered(predictions).prefix(count)))
        }
    }

    /// The predictions in the order in which they are decoded.
    private func ordered(_ predictions: [Prediction]) -> [Prediction] {
        guard options.orderTemperature > 0, options.rule != .threshold else {
            return predictions.sorted { options.rule.precedes($0, $1) }
        }
        // The largest of confidence / T plus Gumbel noise, and so on down, are draws without replacement.
        let draws = state.draws
        let places = predictions.map { prediction in
            (
                options.rule.confidence(prediction) / options.orderTemperature
                    + draws.gumbel("order", at: prediction.position), prediction
            )
        }
        return places.sorted { $0.0 > $1.0 }.map(\.1)
    }

    /// Each prediction with the share of the masks that this forward is planned to decode.
    private func takeAtRandom(_ predictions: [Prediction]) -> [Prediction] {
        let share = times.share(at: step)
        let draws = state.draws
        return predictions.filter { draws.uniform("transfer", at: $0.position) < share }
    }

    /// The threshold's choice; what it leaves over is due in the next forward, after the last one in one more.
    private mutating func takeConfident(_ sorted: [Prediction]) -> [Prediction] {
        let due = sorted.prefix(quota + leftOver)
        let accepted = due.prefix(1) + due.dropFirst().filter { !($0.probability < options.threshold) }
        leftOver = due.count - accepted.count
        if leftOver > 0, state.forwards == steps - 1 {
            quota = 0
            steps += 1
        }
        return Array(accepted)
    }
}

extension DreamDecoder {
    private var blockStates: [BlockState] {
        .oneAtATime(options.blocks, current: state.forwards / stepsPerBlock)
    }
}

extension DecodingMethod {
    static let dream = DecodingMethod(
        "dream", "Dream: a planned number of tokens per forward, anywhere in the response.",
        defaults: DreamOptions()
    ) { DreamDecoder($0, $1) }
}

/// Options of ``DreamDecoder``; the defaults are those of Dream's own generation script but for the lengths.
package struct DreamOptions: DecoderOptions {
    /// Which predictions of a forward become tokens; upstream's names are in parentheses.
    package enum Rule: String, Sendable, Hashable, CaseIterable {
        /// As many as planned, highest probability first (`maskgit_plus`).
        case probability
        /// As many as planned, largest distance between the two highest probabilities first (`topk_margin`).
        case margin
        /// As many as planned, lowest entropy first (`entropy`).
        case entropy
        /// Of the most probable ones, as many as an even split plans and earlier forwards left over, those that
        /// reach the threshold, and the best one in any case (`confidence_threshold`).
        case threshold
        /// Each with the probability that the plan gives the share of a forward, in no order (`origin`).
        case random

        /// Whether `a` is decoded before `b`; among equals the left one.
        func precedes(_ a: Prediction, _ b: Prediction) -> Bool {
            switch self {
            case .entropy: EntropyRule.precedes(a, b)
            case .margin: (a.marginDoubt, a.position) < (b.marginDoubt, b.position)
            case .probability, .threshold, .random: (a.doubt, a.position) < (b.doubt, b.position)
            }
        }

        /// What a prediction is ordered by, larger first (upstream's `confidence`).
        func confidence(_ a: Prediction) -> Double {
            switch self {
            case .entropy: -a.entropy
            case .margin: 1 - a.marginDoubt
            case .probability, .threshold, .random: a.probability
            }
        }
    }

    /// Tokens to generate.
    package var generationLength = 256
    /// Planned forwards; nil for one per token.
    package var steps: Int?
    /// Tokens per block, each with an even part of the forwards and a plan of its own; nil for the whole response (TAD's
    /// `_sample`).
    package var blockLength: Int?
    /// See ``Rule``.
    package var rule = Rule.entropy
    /// Smallest probability that ``Rule/threshold`` accepts.
    package var threshold = 0.9
    /// The time at which the plan ends (upstream's `eps`); ``Rule/threshold`` doesn't look at it.
    package var lastTime = 1e-3
    /// 0 decodes in order of confidence; larger values draw the positions of a forward without replacement, with
    /// probabilities softmax(confidence / temperature) (upstream's `alg_temp`).
    package var orderTemperature = 0.0
    /// 0 takes the most probable token; larger values draw from softmax(logits / temperature), and confidences are of
    /// that.
    package var temperature = 0.0
    /// Only the most probable tokens that together pass this probability count; nil for all.
    package var topP: Double?
    /// See ``BlockwiseOptions/topK``.
    package var topK: Int?

    package init() {}

    package init(_ fields: Fields, defaults: DreamOptions) {
        self = defaults
        generationLength = fields.option(
            "generationLength", default: defaults.generationLength, in: 1...1_000_000, "Tokens to generate.",
            meaning: .responseLength)
        steps = fields.option(
            "steps", default: defaults.steps, in: 1...1_000_000, "Planned forwards; null plans one per token."
        )
        blockLength = fields.option(
            "blockLength", default: defaults.blockLength, in: 1...1_000_000,
            "Tokens per block: blocks are decoded one after another, each with an even part of the steps; null for the whole response.",
            meaning: .blockLength)
        rule = fields.option("rule", default: defaults.rule, "Which predictions become tokens.")
        threshold = fields.option(
            "threshold", default: defaults.threshold, in: 0...1,
            "Smallest probability to accept (rule \"threshold\").", isAlwaysRecorded: true)
        lastTime = fields.option(
            "lastTime", default: defaults.lastTime, in: 0...0.999,
            "The time, from 1 down, at which the plan ends (all rules but \"threshold\").")
        orderTemperature = fields.option(
            "orderTemperature", default: defaults.orderTemperature, in: 0...1000,
            "0 decodes in order of confidence, larger values draw positions from softmax(confidence / orderTemperature) (rules \"probability\", \"margin\" and \"entropy\")."
        )
        temperature = fields.temperature(default: defaults.temperature)
        topP = fields.topP(default: defaults.topP)
        topK = fields.topK(default: defaults.topK)
        if rule == .threshold, generationLength % plannedSteps != 0 {
            fields.reject(
                "steps",
                "\"steps\" is \(plannedSteps) and should divide \"generationLength\", \(generationLength), with rule \"threshold\"."
            )
        }
        if let blockLength, generationLength % blockLength != 0 || plannedSteps % blocks != 0 {
            fields.reject(
                "blockLength",
                "\"blockLength\" is \(blockLength) and should divide \"generationLength\", \(generationLength), into blocks whose number divides the \(plannedSteps) steps."
            )
        }
        fields.condition(
            "blockLength", isUsed: rule != .threshold, with: "the rule \"threshold\"", user: "all other rules"
        )
        let reason = "the rule \"\(rule.rawValue)\""
        fields.condition(
            "threshold", isUsed: rule == .threshold, with: reason, user: "the rule \"threshold\"")
        fields.condition(
            "lastTime", isUsed: rule != .threshold, with: reason, user: "all other rules")
        fields.condition(
            "orderTemperature", isUsed: [.probability, .margin, .entropy].contains(rule), with: reason,
            user: "the rules \"probability\", \"margin\" and \"entropy\"")
        fields.condition(
            "topP", "topK", isUsed: rule != .random || temperature > 0,
            with: reason + " at \"temperature\" 0", user: "other rules and larger temperatures")
    }

    package var lengths: DecodingLengths { DecodingLengths(response: generationLength, block: blockLength) }

    /// How many blocks there are.
    var blocks: Int { generationLength / min(blockLength ?? generationLength, generationLength) }

    package func effort(prompt: Double, answer: Double) -> DecodingEffort? {
        let expected = ExpectedResponse(lengths, stopsEarly: false, prompt: prompt, answer: answer)
        var forwards = Double(plannedSteps)
        if rule == .threshold {
            let rate = ExpectedRate.limited(ExpectedRate.confidence(threshold), block: expected.block)
            forwards = max(expected.wanted / rate, 1)
        }
        return DecodingEffort(
            forwards: forwards, tokens: expected.whole, logitRows: expected.length / 2)
    }

    /// How tokens are chosen from a row of logits.
    var choice: TokenChoice { TokenChoice(.tempered, temperature: temperature, topP: topP, topK: topK) }

    /// Planned forwards.
    var plannedSteps: Int { steps ?? generationLength }
}
