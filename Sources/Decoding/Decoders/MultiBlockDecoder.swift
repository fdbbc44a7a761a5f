/// d3LLM's entropy-based multi-block decoding without a cache (`generate_multi_block`).
///
/// Blocks are created when their predecessor is decoded a little and fully activated when it is decoded almost
/// wholly; every forward sees the whole sequence and may decode in all created blocks.
package struct MultiBlockDecoder: Decoder {
    private var core: MultiBlockCore

    package init(_ task: DecodingTask, _ options: MultiBlockOptions) {
        core = MultiBlockCore(task, options)
    }

    package var state: DecodingState { core.state }
    package var maximumLength: Int { core.ledger.layout.end }

    package mutating func nextRequest() -> ForwardRequest? {
        guard let activeEnd = core.openTurn() else { return nil }
        let request = ForwardRequest(
            .full, inputs: 0..<core.state.tokens.count, candidates: core.candidates(before: activeEnd))
        return core.state.issue(request, blocks: core.ledger.states(usesCache: false))
    }

    @discardableResult
    package mutating func accept(_ predictions: [Prediction]) -> StepRecord {
        core.closeTurn(predictions)
    }
}

extension DecodingMethod {
    static let multiBlock = DecodingMethod(
        "multi-block", "d3LLM: several blocks at once, entropy threshold, no cache.",
        defaults: MultiBlockOptions()
    ) { MultiBlockDecoder($0, $1) }
}
