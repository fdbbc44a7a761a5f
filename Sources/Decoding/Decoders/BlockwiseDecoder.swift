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
        return state.issue(request, blocks: cursor.blockStates)
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

    /// dInfer's port of it.
    static let dInfer = DecodingMethod(
        "dinfer", "dInfer's port of Fast-dLLM: factor rule, early stop.", defaults: .dInfer
    ) { BlockwiseDecoder($0, $1) }
}
