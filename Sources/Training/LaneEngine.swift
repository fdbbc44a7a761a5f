public import Numerics
public import Transformers

/// Computes lanes of batches of a training of all parameters, on several threads a lane each.
public final class LaneEngine: LaneComputing {
    /// The parameters that it computes with; read on every call.
    public let parameters: FlatParameters
    let transformer: Transformer
    /// How many threads it uses; results don't show them.
    var threads: Int
    private let weights: TrainingWeights
    /// By lane, allocated when first computed.
    private var gradients: [Int: FlatParameters] = [:]
    private var passes: [Int: [UnsafeSendablePass]] = [:]
    private var task: LaneTask?
    private var losses: [Int: LaneLosses] = [:]

    /// - Throws: `BLASError` when no matrix library can be loaded.
    public init(_ parameters: FlatParameters, threads: Int, precision: TrainingPrecision) throws {
        self.parameters = parameters
        self.threads = threads
        transformer = try Transformer(over: parameters)
        weights = TrainingWeights(transformer, precision, threads: threads)
    }

    /// Bytes of memory held for activations and scratch.
    var activationBytes: Int { passes.values.joined().reduce(0) { $0 + $1.pass.bytes } }

    /// The gradient of a lane: that of its last task, once it has been computed.
    public func gradient(of lane: Int) -> FlatParameters {
        if let gradient = gradients[lane] { return gradient }
        let gradient = FlatParameters(zeros: parameters.configuration)
        gradients[lane] = gradient
        return gradient
    }

    public var configuration: TransformerConfiguration { parameters.configuration }
    public func laneGradient(_ lane: Int) -> FloatBuffer { gradient(of: lane).buffer }

    public func trainedChanged() { weights.update(threads: threads) }

    public func forward(_ task: LaneTask) -> [Int: LaneLosses] {
        // With two phases all activations are kept. Otherwise a lane reuses one pass for all of its shards.
        let work = task.parts.map { part in
            let needed = task.hasTwoPhases ? part.shards.count : 1
            while passes[part.lane, default: []].count < needed {
                passes[part.lane, default: []].append(
                    UnsafeSendablePass(pass: TrainingPass(transformer, weights)))
            }
            let passes = passes[part.lane, default: []]
            for pass in passes { pass.pass.recomputes = task.recomputes }
            return (part: part, passes: passes, gradient: gradient(of: part.lane))
        }
        let found = LanesLosses(count: work.count)
        Threads.parallelFor(work.count, threads: threads) { (i: Int) -> Void in
            let (part, passes, gradient) = work[i]
            gradient.buffer.clear()
            found.set(
                i,
                part.shards.enumerated().map { s, sequences in
                    let pass = passes[task.hasTwoPhases ? s : 0].pass
                    let rows = Self.forward(sequences, pass)
                    let losses = pass.rowLosses(
                        targets: rows.map(\.target), soft: task.softTargets(of: rows),
                        temperature: task.temperature)
                    if !task.hasTwoPhases {
                        Self.backward(rows, [], task.normalizers, task, pass, into: gradient)
                    }
                    return losses
                })
        }
        self.task = task
        losses = Dictionary(
            work.enumerated().map { ($1.part.lane, found.get($0)) }, uniquingKeysWith: { first, _ in first })
        return losses
    }

    public func backward(_ lanes: Set<Int>, _ normalizers: Normalizers) {
        guard let task else { return }
        let work = task.parts.filter { lanes.contains($0.lane) }.map {
            (
                part: $0, passes: passes[$0.lane, default: []], gradient: gradient(of: $0.lane),
                losses: losses[$0.lane, default: []]
            )
        }
        Threads.parallelFor(work.count, threads: threads) { (i: Int) -> Void in
            let (part, passes, gradient, losses) = work[i]
            for (s, sequences) in part.shards.enumerated() {
                Self.backward(
                    sequences.flatMap(\.rows), losses[s], normalizers, task, passes[s].pass, into: gradient)
            }
        }
    }

    private static func forward(_ sequences: [TrainingSequence], _ pass: TrainingPass) -> [LossRow] {
        pass.forward(
            sequences.map {
                ForwardInput(tokens: $0.tokens, attention: $0.attention, logitRows: $0.rows.map(\.row))
            })
        return sequences.flatMap(\.rows)
    }

    private static func backward(
        _ rows: [LossRow], _ losses: [RowLoss], _ normalizers: Normalizers, _ task: LaneTask,
        _ pass: TrainingPass, into gradient: FlatParameters
    ) {
        guard !rows.isEmpty else { return }
        let weights = rows.enumerated().map { i, row in
            normalizers.weights(
                of: row, isCorrect: losses.isEmpty ? false : losses[i].isCorrect, task.groups[row.group])
        }
        let dHidden = pass.headBackward(
            targets: rows.map(\.target), soft: task.softTargets(of: rows), weights: weights,
            temperature: task.temperature, into: gradient)
        pass.backward(dHidden, into: gradient)
    }
}

/// Lets a pass be used by whichever thread computes its lane; lanes never share one.
private struct UnsafeSendablePass: @unchecked Sendable {
    let pass: TrainingPass
}

/// Row losses of each lane.
///
/// `@unchecked Sendable`: every lane is written by the one thread that computes it, and read after all threads have
/// finished.
private final class LanesLosses: @unchecked Sendable {
    private let storage: UnsafeMutableBufferPointer<LaneLosses>

    init(count: Int) {
        storage = .allocate(capacity: count)
        storage.initialize(repeating: [])
    }

    deinit {
        storage.deinitialize()
        storage.deallocate()
    }

    func set(_ lane: Int, _ losses: LaneLosses) { storage[lane] = losses }
    func get(_ lane: Int) -> LaneLosses { storage[lane] }
}
