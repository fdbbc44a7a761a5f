/// Dream's own sampler: the whole response at once, a planned number of tokens per forward of the whole sequence.
///
/// A forward may decode nothing, when more are planned than there are tokens; it is made and counted all the same.
public struct DreamDecoder: Decoder {
    public private(set) var state: DecodingState
    private let options: DreamOptions
    private let times: UnmaskingTimes
    /// Forwards to make; ``DreamOptions/Rule/threshold`` adds some when tokens are left over.
    private var steps: Int
    /// With a threshold: tokens that each forward is meant to decode, and those that earlier ones didn't.
    private var quota: Int
    private var leftOver = 0

    public init(_ task: DecodingTask, _ options: DreamOptions) {
        precondition(options.plannedSteps > 0, "decoding takes at least one forward")
        state = DecodingState(task, maskCount: options.generationLength, choice: options.choice)
        self.options = options
        steps = options.plannedSteps
        quota = options.generationLength / steps
        times = UnmaskingTimes(steps: steps, last: options.lastTime)
    }

    public var maximumLength: Int { state.tokens.count }

    public mutating func nextRequest() -> ForwardRequest? {
        guard state.forwards < steps else { return nil }
        state.evaluations += 1
        let whole = 0..<state.tokens.count
        return state.issue(
            ForwardRequest(.full, inputs: whole, candidates: state.maskedPositions(in: whole)),
            blocks: [.fullyActivated])
    }

    @discardableResult
    public mutating func accept(_ predictions: [Prediction]) -> StepRecord {
        switch options.rule {
        case .threshold: return state.complete(accepting: takeConfident(ordered(predictions)))
        case .random: return state.complete(accepting: takeAtRandom(predictions))
        case .probability, .margin, .entropy:
            let count = times.count(at: state.forwards, masks: predictions.count)
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
        let share = times.share(at: state.forwards)
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

extension DecodingMethod {
    static let dream = DecodingMethod(
        "dream", "Dream: a planned number of tokens per forward, anywhere in the response.",
        defaults: DreamOptions()
    ) { DreamDecoder($0, $1) }
}
