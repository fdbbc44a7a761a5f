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
        state = DecodingState(task, maskCount: options.generationLength)
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
            blocks: [.fullyActivated], topK: options.topK)
    }

    @discardableResult
    public mutating func accept(_ predictions: [Prediction]) -> StepRecord {
        let sorted = predictions.sorted { options.rule.precedes($0, $1) }
        let accepted =
            options.rule == .threshold
            ? takeConfident(sorted)
            : Array(sorted.prefix(times.count(at: state.forwards, masks: predictions.count)))
        return state.complete(accepting: accepted)
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
