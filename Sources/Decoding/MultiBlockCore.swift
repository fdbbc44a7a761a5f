/// What d3LLM's multi-block decoding does in each turn with or without a cache: everything but the choice of
/// what to forward.
struct MultiBlockCore: Sendable {
    var state: DecodingState
    var ledger: BlockLedger
    let options: MultiBlockOptions
    private var hasEnded = false
    /// Masks that may be decoded in the turn under way, before they are limited to active blocks.
    private var snapshot: [Int] = []

    init(_ task: DecodingTask, _ options: MultiBlockOptions) {
        state = DecodingState(task, maskCount: options.generationLength, choice: options.choice)
        ledger = BlockLedger(options, promptLength: task.prompt.count)
        self.options = options
    }

    /// Starts a turn: early stop, activation, a new block.
    ///
    /// - Returns: the end of the active blocks, or nil when decoding has ended.
    mutating func openTurn() -> Int? {
        guard !hasEnded, state.evaluations <= options.evaluationLimit else { return nil }
        snapshot = state.maskedPositions(in: 0..<state.tokens.count)
        if ledger.isComplete, !state.hasMask(in: state.generated) { return nil }
        state.evaluations += 1
        let hasSeenEnd = options.earlyStop && stopEarly()
        if hasEnded { return nil }
        ledger.activate()
        if !hasSeenEnd { ledger.addBlock(state) }
        guard let activeEnd = ledger.activeEnd else {
            endWithoutForward()
            return nil
        }
        return activeEnd
    }

    /// Fills after the end token, if there is one; notes the end when no mask is left.
    private mutating func stopEarly() -> Bool {
        guard let end = state.fillAfterEnd(in: state.generated) else { return false }
        ledger.settle(afterEnd: end, state, rules: options.rules)
        if options.quirks.snapshot == .corrected {
            snapshot = state.maskedPositions(in: 0..<state.tokens.count)
        }
        if !state.hasMask(in: state.generated) { endWithoutForward() }
        return true
    }

    /// Ends decoding in a turn that NFE has already counted.
    mutating func endWithoutForward() {
        hasEnded = true
        if options.quirks.idleEvaluation == .corrected { state.evaluations -= 1 }
    }

    /// Positions that the turn under way may decode.
    func candidates(before activeEnd: Int) -> [Int] { snapshot.filter { $0 < activeEnd } }

    /// Ends a turn: accepts, makes fully activated blocks progress, counts.
    mutating func closeTurn(_ predictions: [Prediction]) -> StepRecord {
        var accepted = options.entropyRule.select(predictions)
        if options.endTokens == .inOrder { accepted = withoutEarlyEnds(accepted, of: predictions) }
        let toAdvance = ledger.toAdvance
        for block in options.quirks.forcedProgress == .faithful ? toAdvance.prefix(1) : toAdvance[...]
        where !accepted.contains(where: { block.contains($0.position) }) {
            let inBlock = predictions.filter { block.contains($0.position) && mayEnd($0) }
            guard var surest = inBlock.min(by: EntropyRule.precedes) else { continue }
            if options.rules.addsNoise { surest.token = surest.best }
            accepted.append(surest)
        }
        ledger.subtract(accepted)
        return state.complete(accepting: accepted)
    }

    /// What is accepted without the end tokens that have a position before them which stays masked.
    ///
    /// Where nothing is left the first masked position is decoded, whatever its token is.
    private func withoutEarlyEnds(_ accepted: [Prediction], of predictions: [Prediction]) -> [Prediction] {
        let chosen = Dictionary(
            accepted.map { ($0.position, $0.token) }, uniquingKeysWith: { first, _ in first })
        var late: Set<Int> = []
        var hasGap = false
        for position in state.maskedPositions(in: state.generated) {
            guard let token = chosen[position] else {
                hasGap = true
                continue
            }
            if hasGap, state.isEnd(token) { late.insert(position) }
        }
        let kept = accepted.filter { !late.contains($0.position) }
        guard kept.isEmpty, let first = predictions.min(by: { $0.position < $1.position }) else {
            return kept
        }
        return [first]
    }

    /// Whether a block may be made to progress by a prediction: not by an end token before others are decided.
    private func mayEnd(_ prediction: Prediction) -> Bool {
        guard options.endTokens == .inOrder, state.isEnd(prediction.token) else { return true }
        return !state.hasMask(in: state.generated.lowerBound..<prediction.position)
    }
}
