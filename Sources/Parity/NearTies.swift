internal import Decoding
internal import Documents
internal import JSON
internal import Numerics
internal import Training

/// Tells a rounding difference from an error: candidates that lie within a width of each other may swap.
///
/// Recorded cases were computed by another library, whose last bits differ from ours as ours differ between levels of
/// vector instructions. Where two candidates are nearly equal the order may come out either way, and everything after it
/// differs. A case that fails is therefore decoded again with predictions moved by less than the width: if it then
/// agrees in everything that is compared, a near-tie explains it; if it never does, it is a failure.
struct NearTies {
    /// How far apart two probabilities (or entropies, in nats) may lie to be near-ties.
    static let width = 1e-6

    /// How often a case is tried again, all ways of deciding its near-ties being equally likely each time: five of them
    /// are found with a probability of 87 %.
    private static let attempts = 64

    /// After so many cases that no near-tie explains the rest isn't tried: something else is wrong.
    private var patience = 8

    private let folder: ParityFolder

    init(_ folder: ParityFolder) { self.folder = folder }

    /// Notes whether a case agrees, agrees but for near-ties, or fails.
    ///
    /// - Parameters:
    ///   - title: Names the case in a failure.
    ///   - decoder: As it was before the run.
    ///   - divergence: What is compared; nil where a run agrees.
    mutating func record(
        _ id: String, as title: String, _ models: CaseModels, _ decoder: any Decoder,
        _ run: Result<RecordedRun, any Error>, in tally: inout ParityTally,
        divergence: (RecordedRun) -> String?
    ) {
        switch run {
        case .failure(let error): tally.record("\(title): \(error)")
        case .success(let run):
            guard let difference = divergence(run) else { return tally.record(nil) }
            if explain(models, decoder, divergence) {
                tally.recordNearTie(id)
            } else {
                tally.record("\(title): \(difference)")
            }
        }
    }

    /// Whether a case that failed agrees once near-ties are decided otherwise.
    private mutating func explain(
        _ models: CaseModels, _ decoder: any Decoder, _ divergence: (RecordedRun) -> String?
    ) -> Bool {
        guard patience > 0 else { return false }
        let moved = (0..<Self.attempts).map {
            (models, MovedPredictions(decoder, attempt: $0) as any Decoder)
        }
        for case .success(let run) in RecordedRun.all(moved, folder) where divergence(run) == nil {
            return true
        }
        patience -= 1
        return false
    }
}

/// A decoder whose predictions are moved at random by less than half of ``NearTies/width``.
private struct MovedPredictions: Decoder {
    private var decoder: any Decoder
    private var draws: RandomStream

    init(_ decoder: any Decoder, attempt: Int) {
        self.decoder = decoder
        draws = RandomStream(seed: 1, purpose: "parity/near-ties", sample: UInt64(attempt))
    }

    var state: DecodingState { decoder.state }
    var maximumLength: Int { decoder.maximumLength }

    mutating func nextRequest() -> ForwardRequest? { decoder.nextRequest() }

    mutating func accept(_ predictions: [Prediction]) -> StepRecord {
        decoder.accept(predictions.map { moved($0) })
    }

    private mutating func moved(_ prediction: Prediction) -> Prediction {
        var moved = prediction
        let step = shift(prediction.doubt)
        moved.doubt += step
        moved.probability -= step
        moved.bestDoubt += prediction.best == prediction.token ? step : shift(prediction.bestDoubt)
        moved.secondProbability += shift(prediction.secondProbability)
        moved.entropy += shift(prediction.entropy)
        return moved
    }

    /// A random part of half the width, or of what 32-bit logits leave open of a smaller value.
    private mutating func shift(_ value: Double) -> Double {
        (2 * draws.nextDouble() - 1) * min(NearTies.width / 2, abs(value) * 1e-4)
    }
}

/// Draws that upstream's run made, in its order.
struct ScriptedDraws: DrawSource {
    private var integers: [(low: Int, high: Int, value: Int)]
    private var uniforms: [[Double]]
    private var permutations: [[Int]] = []
    /// Whether a draw was asked for that upstream didn't make.
    private(set) var mismatch: String?

    init(_ node: CaseNode) throws {
        integers = try (node["randint_calls"] == nil ? [] : node.rows("randint_calls")).map { call in
            guard call.count == 3 else { throw node.problem("a drawn integer needs low, high and value") }
            return (Int(call[0]), Int(call[1]), Int(call[2]))
        }
        uniforms = try node.elements("rand_values").map(\.node.flatNumbers)
    }

    /// Draws of which a matrix is a call for each of its rows.
    init(rowByRow node: CaseNode) throws {
        integers = []
        uniforms = try node.elements("rand_values").flatMap { call in
            let isMatrix = call.node.array?.first?.array != nil
            return isMatrix ? try call.elements().map { try $0.numbers() } : [try call.numbers()]
        }
    }

    /// Draws of all kinds in one list, each with its kind: `["int", low, end, value]`, `["rand", …]`, `["perm", …]`.
    init(listed node: CaseNode) throws {
        (integers, uniforms) = ([], [])
        for call in try node.elements("draws") {
            let parts = try call.elements()
            switch try parts.first?.string() {
            case "int" where parts.count == 4:
                integers.append(
                    (try parts[1].integer(), try parts[2].integer() - 1, try parts[3].integer()))
            case "rand" where parts.count == 2: uniforms.append(try parts[1].numbers())
            case "perm" where parts.count == 2: permutations.append(try parts[1].integers())
            default: throw call.problem("\(call.label) is no draw")
            }
        }
    }

    mutating func permutation(_ count: Int) -> [Int] {
        guard let order = permutations.first, order.count == count else {
            mismatch =
                mismatch
                ?? "an order of \(count) was drawn, upstream drew one of \(permutations.first?.count ?? 0)"
            return Array(0..<count)
        }
        permutations.removeFirst()
        return order
    }

    mutating func integer(_ low: Int, _ high: Int) -> Int {
        guard !integers.isEmpty else {
            mismatch = mismatch ?? "a window was drawn from \(low)...\(high) where upstream drew none"
            return low
        }
        let call = integers.removeFirst()
        if call.low != low || call.high != high {
            mismatch =
                mismatch
                ?? "a window was drawn from \(low)...\(high), upstream from \(call.low)...\(call.high)"
        }
        return call.value
    }

    mutating func uniform(_ count: Int) -> [Double] {
        guard let values = uniforms.first, values.count == count else {
            mismatch =
                mismatch ?? "\(count) uniform numbers were drawn, upstream drew \(uniforms.first?.count ?? 0)"
            return Array(repeating: 0, count: count)
        }
        uniforms.removeFirst()
        return values
    }
}

extension JSONNode {
    /// All numbers of nested arrays, in order.
    fileprivate var flatNumbers: [Double] {
        array.map { $0.flatMap(\.flatNumbers) } ?? double.map { [$0] } ?? []
    }
}
