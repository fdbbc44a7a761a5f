internal import Decoding
internal import Evaluation
internal import Numerics
internal import Runs
internal import Synchronization
internal import Tokenizers

extension EvaluateStage {
    /// The tokens that traces are shown with.
    struct TraceWords {
        let mask: Int32
        let end: Int32?
        let text: (Int32) -> String
    }

    /// How many positions a block of the decoder has; 0 where it has none.
    var traceBlockLength: Int { (try? decoder.setup())?.lengths.block ?? 0 }

    /// Decodes samples once more and remembers every forward.
    ///
    /// Each is decoded in the group that it was decoded in, so that it comes out as it was recorded; whoever shows a
    /// trace compares its record with the recorded one.
    /// - Parameter samples: Their places in the journal.
    func traces(
        of samples: [Int], _ context: StageContext
    ) throws -> (traces: [Int: DecodedTrace], words: TraceWords) {
        let questions = try questions(asked(context), context)
        let count = questions.ids.count
        let setup = try decoder.setup()
        let wanted = Dictionary(grouping: Set(samples.filter((0..<count).contains))) { $0 / groupSize }
        let groups = wanted.keys.sorted()
        let found = Mutex<[Int: DecodedTrace]>([:])
        try OrderedGroups.run(
            from: 0, to: groups.count, context: context,
            compute: { index -> [(Int, DecodedTrace)] in
                let range = groups[index] * groupSize..<min(count, (groups[index] + 1) * groupSize)
                let decoders = try Self.decode(range, of: questions, seed: context.seed, setup.make) {
                    TraceRecorder($0)
                }
                let records = try questions.records(
                    range, decoders, generationLength: setup.lengths.response)
                return zip(range, zip(records, decoders)).compactMap { sample, pair in
                    guard wanted[groups[index]]?.contains(sample) == true,
                        let recorder = pair.1 as? TraceRecorder, let record = SampleRecord(pair.0)
                    else { return nil }
                    return (
                        sample, DecodedTrace(record: record, start: recorder.start, steps: recorder.steps)
                    )
                }
            }
        ) { _, traces in
            found.withLock { found in for (sample, trace) in traces { found[sample] = trace } }
        }
        return (
            found.withLock { $0 },
            TraceWords(mask: questions.maskToken, end: questions.endToken) { questions.text(of: $0) }
        )
    }
}

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
