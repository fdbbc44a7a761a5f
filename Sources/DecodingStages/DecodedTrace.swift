internal import Decoding
package import JSON
package import Measures
internal import Numerics
package import Runs
internal import Synchronization
internal import Tokenizers

/// How one sample was decoded: what each forward saw and decided.
///
/// Positions count from the first of the response.
package struct DecodedTrace {
    /// What the model said of a position.
    struct Prediction {
        let position: Int
        let token: Int32
        /// In nats.
        let entropy: Double
        let probability: Double
    }

    /// One forward.
    struct Step {
        let kind: ForwardRequest.Kind
        /// The positions that were fed to the model; those of the prompt are negative.
        let inputs: Range<Int>
        /// The states of the blocks when the forward was asked for.
        let blocks: [BlockState]
        /// The response after it.
        var response: [Int32]
        let predictions: [Prediction]
    }

    /// What is recorded of the sample, made again together with the steps.
    package let record: SampleRecord
    /// The response before the first forward.
    let start: [Int32]
    let steps: [Step]

    /// All token ids that occur.
    package var tokens: Set<Int32> {
        var all = Set(start)
        for step in steps {
            all.formUnion(step.response)
            all.formUnion(step.predictions.map(\.token))
        }
        return all
    }

    /// As the viewer reads it.
    ///
    /// A step is [kind, first input, end of inputs, a digit per block, changes as position and token one after the
    /// other, predictions as position, token, entropy in thousandths of a nat and probability in thousandths].
    package var value: JSONValue {
        var before = start
        var length = start.count
        let steps = steps.map { step -> JSONValue in
            length = max(length, step.response.count)
            let changes = step.response.indices.filter {
                $0 >= before.count ? true : before[$0] != step.response[$0]
            }
            defer { before = step.response }
            return .array([
                .integer(Self.index(step.kind)), .integer(step.inputs.lowerBound),
                .integer(step.inputs.upperBound), .string(step.blocks.map { "\(Self.index($0))" }.joined()),
                .array(changes.flatMap { [.integer($0), .integer(Int(step.response[$0]))] }),
                .array(
                    step.predictions.flatMap {
                        [
                            JSONValue.integer($0.position), .integer(Int($0.token)),
                            .integer(Self.thousandths($0.entropy)),
                            .integer(Self.thousandths($0.probability)),
                        ]
                    }),
            ])
        }
        return [
            "right": record.isGraded ? .bool(record.correct) : .null, "nfe": .integer(record.nfe),
            "counted": .integer(record.tokensBeforeEnd), "length": .integer(length),
            "start": .array(start.map { .integer(Int($0)) }), "steps": .array(steps),
        ]
    }

    package static let kinds = ForwardRequest.Kind.allCases.map(\.rawValue)

    private static func index(_ kind: ForwardRequest.Kind) -> Int {
        ForwardRequest.Kind.allCases.firstIndex(of: kind) ?? 0
    }

    private static func index(_ state: BlockState) -> Int { BlockState.allCases.firstIndex(of: state) ?? 0 }

    /// A decoder may give what is no number for a position that wasn't forwarded.
    private static func thousandths(_ value: Double) -> Int {
        value.isFinite ? Int((min(max(value, 0), 1000) * 1000).rounded()) : 0
    }
}

extension EvaluateStage {
    /// The tokens that traces are shown with.
    package struct TraceWords {
        package let mask: Int32
        package let end: Int32?
        package let text: (Int32) -> String
    }

    /// How many positions a block of the decoder has; 0 where it has none.
    package var traceBlockLength: Int { (try? decoder.setup())?.lengths.block ?? 0 }

    /// Decodes samples once more and remembers every forward.
    ///
    /// Each is decoded in the group that it was decoded in, so that it comes out as it was recorded; whoever shows a
    /// trace compares its record with the recorded one.
    /// - Parameter samples: Their places in the journal.
    package func traces(
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
