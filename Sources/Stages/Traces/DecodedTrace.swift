internal import Decoding
internal import Evaluation
internal import JSON

/// How one sample was decoded: what each forward saw and decided.
///
/// Positions count from the first of the response.
struct DecodedTrace {
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
    let record: SampleRecord
    /// The response before the first forward.
    let start: [Int32]
    let steps: [Step]

    /// All token ids that occur.
    var tokens: Set<Int32> {
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
    var value: JSONValue {
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

    static let kinds = ForwardRequest.Kind.allCases.map(\.rawValue)

    private static func index(_ kind: ForwardRequest.Kind) -> Int {
        ForwardRequest.Kind.allCases.firstIndex(of: kind) ?? 0
    }

    private static func index(_ state: BlockState) -> Int { BlockState.allCases.firstIndex(of: state) ?? 0 }

    /// A decoder may give what is no number for a position that wasn't forwarded.
    private static func thousandths(_ value: Double) -> Int {
        value.isFinite ? Int((min(max(value, 0), 1000) * 1000).rounded()) : 0
    }
}
