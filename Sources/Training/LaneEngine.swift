public import Numerics
package import Transformers

/// Computes lanes of batches of a training of all parameters, on several threads a lane each.
package final class LaneEngine: LaneComputing {
    /// The parameters that it computes with; read on every call.
    package let parameters: FlatParameters
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
    package init(_ parameters: FlatParameters, threads: Int, precision: TrainingPrecision) throws {
        self.parameters = parameters
        self.threads = threads
        transformer = try Transformer(over: parameters)
        weights = TrainingWeights(transformer, precision, threads: threads)
    }

    /// Bytes of memory held for activations and scratch.
    var activationBytes: Int { passes.values.joined().reduce(0) { $0 + $1.pass.bytes } }

    /// The gradient of a lane: that of its last task, once it has been computed.
    package func gradient(of lane: Int) -> FlatParameters {
        if let gradient = gradients[lane] { return gradient }
        let gradient = FlatParameters(zeros: parameters.configuration)
        gradients[lane] = gradient
        return gradient
    }

    package var configuration: TransformerConfiguration { parameters.configuration }
    package func laneGradient(_ lane: Int) -> FloatBuffer { gradient(of: lane).buffer }

    package func trainedChanged() { weights.update(threads: threads) }

    package func forward(_ task: LaneTask) -> [Int: LaneLosses] {
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
                    let rows = Self.forward(sequences, pass, task)
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

    package func backward(_ lanes: Set<Int>, _ normalizers: Normalizers) {
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

    private static func forward(
        _ sequences: [TrainingSequence], _ pass: TrainingPass, _ task: LaneTask
    ) -> [LossRow] {
        pass.forward(sequences.map { $0.input(task.softTargets) })
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

/// What one lane of a batch computes: its shards, each some sequences, in order.
package struct LanePart: Sendable {
    /// The lane, below ``BatchGradient/lanes``.
    package var lane: Int
    package var shards: [[TrainingSequence]]

    package init(lane: Int, shards: [[TrainingSequence]]) {
        self.lane = lane
        self.shards = shards
    }
}

/// What lanes of a batch need to know, wherever they are computed.
public struct LaneTask: Sendable {
    package var parts: [LanePart]
    package var groups: [LossGroup]
    /// Temperature of the softmax in the entropy term.
    package var temperature: Float
    /// Distributions that rows are trained towards; ``LossRow/softTarget`` is a row of it.
    package var softTargets: Matrix?
    /// Whether gradients wait for ``LaneEngine/backward(_:_:)``.
    package var hasTwoPhases: Bool
    /// Whether activations are computed again instead of kept.
    package var recomputes: Bool
    /// The batch's denominators before any loss is counted.
    package var normalizers: Normalizers

    package init(
        parts: [LanePart], groups: [LossGroup], temperature: Float, softTargets: Matrix?, hasTwoPhases: Bool,
        recomputes: Bool, normalizers: Normalizers
    ) {
        self.parts = parts
        self.groups = groups
        self.temperature = temperature
        self.softTargets = softTargets
        self.hasTwoPhases = hasTwoPhases
        self.recomputes = recomputes
        self.normalizers = normalizers
    }

    /// The soft targets of some rows; nil where the batch has none.
    func softTargets(of rows: [LossRow]) -> SoftTargets? {
        softTargets.map { SoftTargets(probabilities: $0, rows: rows.map(\.softTarget)) }
    }

    /// The same for some of the lanes.
    package func restricted(to lanes: some Collection<Int>) -> LaneTask {
        var copy = self
        copy.parts = parts.filter { lanes.contains($0.lane) }
        return copy
    }
}

/// Losses of the rows of each shard of a lane.
public typealias LaneLosses = [[RowLoss]]

/// The model of a training whose lanes others compute.
public struct LaneModel {
    package var configuration: TransformerConfiguration
    /// What is trained, as it is now.
    package var trained: FloatBuffer
    /// The adapter in training, over weights that stay the same; nil where all parameters are trained.
    package var adapter: (options: AdapterTraining.Options, base: FlatParameters)?
}

/// Computes lanes of batches: forward passes, losses, and each lane's own gradient.
///
/// A lane's bits depend on its sequences and the parameters alone, not on who computes it or beside what.
package protocol LaneComputing: AnyObject {
    var configuration: TransformerConfiguration { get }

    /// Makes what is kept beside what is trained, which is read on every call, follow it.
    func trainedChanged()

    /// Computes the losses of a task's lanes, and their gradients unless it has two phases.
    func forward(_ task: LaneTask) -> [Int: LaneLosses]

    /// Computes the gradients of lanes of the last task, which had two phases.
    ///
    /// - Parameter normalizers: What all rows of the batch come to.
    func backward(_ lanes: Set<Int>, _ normalizers: Normalizers)

    /// The gradient of a lane: that of its last task, once it has been computed.
    func laneGradient(_ lane: Int) -> FloatBuffer
}

/// Who else computes lanes of a batch, if anybody does.
///
/// What helpers don't give back in time is computed here, with the same bits, so that none of this throws.
public protocol LaneHelpers: AnyObject {
    /// Hands lanes of a task out.
    ///
    /// - Returns: Those that were taken.
    func begin(_ task: LaneTask, _ model: LaneModel) -> Set<Int>

    /// The losses of lanes that were taken, shard by shard; without those that were lost.
    ///
    /// Unless the task has two phases their gradients are then in what `gradient` gives for a lane.
    ///
    /// - Parameter elapsed: How long the lanes of this process took, and how many they were.
    func losses(_ elapsed: LaneTiming, _ gradient: (Int) -> FloatBuffer) -> [Int: LaneLosses]

    /// Begins the second phase for the lanes that ``losses(_:_:)`` gave.
    func beginBackward(_ normalizers: Normalizers)

    /// Puts their gradients into what `gradient` gives for a lane.
    ///
    /// - Returns: Those that came.
    func gradients(_ elapsed: LaneTiming, _ gradient: (Int) -> FloatBuffer) -> Set<Int>
}

/// How long lanes of this process took in a phase.
public struct LaneTiming: Sendable {
    package var lanes: Int
    package var duration: Duration
}
