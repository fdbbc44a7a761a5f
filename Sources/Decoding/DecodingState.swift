/// What every decoder carries: the sequence, the special tokens and the counters.
public struct DecodingState: Sendable {
    /// The whole sequence so far, prompt first; undecided positions hold ``maskToken``.
    package private(set) var tokens: [Int32]
    /// Number of prompt tokens.
    package let promptLength: Int
    /// The token that stands for "not decoded yet".
    package let maskToken: Int32
    /// The end-of-text token, if the model has one.
    package let endToken: Int32?
    /// Other tokens that end a text.
    package let furtherEndTokens: [Int32]
    /// NFE as the decoder's published implementation reports it.
    package internal(set) var evaluations = 0
    /// Number of forwards that were answered.
    package private(set) var forwards = 0
    /// Sum of the input lengths over ``forwards``.
    package private(set) var tokensForwarded = 0
    /// Number of forwards of a second model; ``forwards`` has none of them.
    package private(set) var verifierForwards = 0
    /// Sum of their input lengths.
    package private(set) var verifierTokensForwarded = 0
    /// Whether decoding needs a second model.
    package internal(set) var needsVerifier = false
    /// Whether what a forward predicts is mixed into the next one's inputs.
    var mixesResiduals = false
    /// The forward that was asked for and not answered yet.
    private(set) var pending: PendingForward?

    private let choice: TokenChoice
    private let sampling: Sampling
    /// How many times tokens were drawn for a range of positions at once.
    private var rangesDrawn = 0
    /// How many positions they had.
    private var positionsDrawn = 0

    /// A forward on its way, with what its ``StepRecord`` will say.
    struct PendingForward: Sendable {
        let request: ForwardRequest
        let sequence: [Int32]
        let blocks: [BlockState]
    }

    /// Starts with the prompt followed by `maskCount` masks.
    ///
    /// - Parameter choice: how tokens are chosen; the task may set another temperature.
    init(_ task: DecodingTask, maskCount: Int, choice: TokenChoice = TokenChoice()) {
        tokens = task.prompt + [Int32](repeating: task.maskToken, count: maskCount)
        promptLength = task.prompt.count
        maskToken = task.maskToken
        endToken = task.endToken
        furtherEndTokens = task.furtherEndTokens
        sampling = task.sampling ?? Sampling(prompt: task.prompt)
        var choice = choice
        choice.temperature = sampling.temperature ?? choice.temperature
        self.choice = choice
    }

    /// Positions after the prompt.
    package var generated: Range<Int> { promptLength..<tokens.count }

    /// The tokens after the prompt.
    package var response: ArraySlice<Int32> { tokens[generated] }

    func isMasked(_ position: Int) -> Bool { tokens[position] == maskToken }

    /// The masked positions of `range`, ascending.
    func maskedPositions(in range: Range<Int>) -> [Int] { range.filter { tokens[$0] == maskToken } }

    /// The masked positions of `range` behind the prompt, whose tokens stay whatever they are.
    func undecided(in range: Range<Int>) -> [Int] {
        maskedPositions(in: max(range.lowerBound, promptLength)..<max(range.upperBound, promptLength))
    }

    func maskCount(in range: Range<Int>) -> Int { tokens[range].count { $0 == maskToken } }

    func hasMask(in range: Range<Int>) -> Bool { tokens[range].contains(maskToken) }

    /// Whether a token ends a text.
    func isEnd(_ token: Int32) -> Bool { token == endToken || furtherEndTokens.contains(token) }

    /// The first position of `range` that holds an end token.
    func firstEnd(in range: Range<Int>) -> Int? {
        guard endToken != nil else { return nil }
        return tokens[range].firstIndex(where: isEnd)
    }

    /// Sets everything after the first end token of `range` to ``endToken``; returns where that token stands.
    @discardableResult
    mutating func fillAfterEnd(in range: Range<Int>) -> Int? {
        guard let endToken, let end = firstEnd(in: range) else { return nil }
        for position in (end + 1)..<max(end + 1, tokens.count) { tokens[position] = endToken }
        return end
    }

    /// Writes accepted predictions into the sequence.
    mutating func write(_ accepted: [Prediction]) {
        for prediction in accepted { tokens[prediction.position] = prediction.token }
    }

    /// Masks everything from a position on.
    mutating func mask(from position: Int) {
        for index in max(position, promptLength)..<max(position, promptLength, tokens.count) {
            tokens[index] = maskToken
        }
    }

    /// Forgets what is behind the first `length` tokens.
    mutating func cut(to length: Int) { tokens.removeLast(max(0, tokens.count - length)) }

    /// Sets what stands from a position on.
    mutating func replace(from position: Int, with others: [Int32]) {
        precondition(position >= promptLength && position <= tokens.count, "what is given stays")
        tokens.removeLast(tokens.count - position)
        tokens += others
    }

    /// Takes over what another state has decoded.
    mutating func adopt(_ other: DecodingState) { tokens = other.tokens }

    /// Makes the sequence longer by one token.
    mutating func append(_ token: Int32) { tokens.append(token) }

    /// Makes the sequence longer by `count` masks.
    mutating func appendMasks(_ count: Int) {
        tokens.append(contentsOf: repeatElement(maskToken, count: count))
    }

    /// The random numbers of the forward under way.
    var draws: SamplingStep { SamplingStep(sampling, step: forwards) }

    /// Notes that `request` is on its way and completes it with how tokens are chosen.
    ///
    /// - Parameters:
    ///   - positions: those that upstream's code draws tokens for at once, candidates or not; only draws that are replayed depend on
    ///     it.
    ///   - wasted: for how many rows upstream draws numbers before that it doesn't look at.
    mutating func issue(
        _ request: ForwardRequest, blocks: [BlockState],
        drawing positions: (some Collection<Int>)? = nil as Range<Int>?, wasting wasted: Int = 0
    ) -> ForwardRequest {
        precondition(pending == nil, "a decoder can't ask for a forward while one is on its way")
        var request = request
        request.choice = choice
        request.draws = choice.temperature > 0 ? draws : nil
        if let positions, request.draws != nil {
            request.draws?.replayed = sampling.replayed(rangesDrawn, for: positions)
            positionsDrawn += wasted
            if let first = positions.first {
                request.draws?.replayedRows = (positionsDrawn - first)
            }
            rangesDrawn += 1
            positionsDrawn += positions.count
        }
        pending = PendingForward(request: request, sequence: tokens, blocks: blocks)
        return request
    }

    /// The forward that is being answered.
    func answered() -> ForwardRequest {
        guard let pending else { preconditionFailure("an answer without a request") }
        return pending.request
    }

    /// Writes `accepted`, counts the forward and describes the step.
    mutating func complete(accepting accepted: [Prediction]) -> StepRecord {
        guard let pending else { preconditionFailure("an answer without a request") }
        write(accepted)
        let inputs =
            pending.request.inputs.count * (1 + pending.request.variants.count)
            + pending.request.siblings.count
        if pending.request.isForVerifier {
            verifierForwards += 1
            verifierTokensForwarded += inputs
        } else {
            forwards += 1
            tokensForwarded += inputs
        }
        self.pending = nil
        return StepRecord(
            index: forwards - 1, kind: pending.request.kind, inputs: pending.request.inputs,
            variants: pending.request.variants, siblings: pending.request.siblings,
            skips: pending.request.skips, isOfVerifier: pending.request.isForVerifier,
            sequence: pending.sequence,
            unmasked: accepted.sorted { $0.position < $1.position },
            blocks: pending.blocks)
    }
}
