internal import Decoding

/// A decoder that remembers every forward of another one, which decodes exactly as it would without.
///
/// It sees what the decoder itself sees: the requests and all predictions, those that aren't accepted too.
struct TraceRecorder: Decoder {
    private var base: any Decoder
    private(set) var steps: [DecodedTrace.Step] = []

    init(_ base: any Decoder) { self.base = base }

    var state: DecodingState { base.state }
    var maximumLength: Int { base.maximumLength }
    /// The response before the first forward.
    private(set) var start: [Int32] = []

    mutating func nextRequest() -> ForwardRequest? {
        // A decoder may change its sequence after a forward (early stop) or before one (a new block): what it looks
        // like when the next is asked for belongs to the forward before.
        let request = base.nextRequest()
        let response = Array(base.state.response)
        if steps.isEmpty { start = response } else { steps[steps.count - 1].response = response }
        return request
    }

    @discardableResult
    mutating func accept(_ predictions: [Prediction]) -> StepRecord {
        let record = base.accept(predictions)
        let prompt = base.promptLength
        steps.append(
            DecodedTrace.Step(
                kind: record.kind,
                inputs: record.inputs.lowerBound - prompt..<record.inputs.upperBound - prompt,
                blocks: record.blocks, response: Array(base.state.response),
                predictions: predictions.filter { $0.position >= prompt }.map {
                    .init(
                        position: $0.position - prompt, token: $0.token, entropy: $0.entropy,
                        probability: $0.probability)
                }))
        return record
    }
}
