public import Numerics
public import Transformers

/// Computes lanes of one shard each of a training of an adapter, one after another, with all threads inside of products.
public final class AdapterLanes: LaneComputing {
    /// What all lanes add their gradients to, in order, instead of each having its own.
    var sum: FloatBuffer?
    private let transformer: Transformer
    private let layers: LowRankLayers
    /// How many threads products use; results don't show them.
    var threads: Int { didSet { for pass in passes { pass.threads = threads } } }
    private let activationLimit: Int
    private let scratch = Arena(minimumChunk: 1 << 10, consolidates: true)
    private var passes: [TrainingPass] = []
    private var gradients: [Int: FloatBuffer] = [:]
    private var task: LaneTask?
    private var losses: [Int: LaneLosses] = [:]
    private var keeping = AdapterGradient.Keeping.activations

    /// - Parameter transformer: frozen, for products in the precision of the training.
    init(
        _ transformer: Transformer, _ layers: LowRankLayers, threads: Int,
        activationLimit: Int = AdapterGradient.activationLimit
    ) {
        self.transformer = transformer
        self.layers = layers
        self.threads = threads
        self.activationLimit = activationLimit
    }

    public var configuration: TransformerConfiguration { transformer.configuration }
    public func trainedChanged() {}

    /// Bytes of memory held for activations and scratch.
    var activationBytes: Int { scratch.bytes + passes.reduce(0) { $0 + $1.bytes } }

    public func laneGradient(_ lane: Int) -> FloatBuffer {
        if let gradient = gradients[lane] { return gradient }
        let gradient = FloatBuffer(zeros: layers.count)
        gradients[lane] = gradient
        return gradient
    }

    public func forward(_ task: LaneTask) -> [Int: LaneLosses] {
        self.task = task
        keeping = AdapterGradient.Keeping(
            transformer.configuration, shards: task.parts.map { Self.sequences($0).map(\.tokens.count) },
            keepsAll: task.hasTwoPhases, limit: activationLimit)
        losses = [:]
        for (i, part) in task.parts.enumerated() {
            let pass = pass(task.hasTwoPhases && keeping != .nothing ? i : 0)
            pass.recomputes = keeping != .activations
            let rows = forward(part, pass)
            losses[part.lane] = [
                pass.rowLosses(
                    targets: rows.map(\.target), soft: task.softTargets(of: rows),
                    temperature: task.temperature)
            ]
            if !task.hasTwoPhases { backward(part, [], task.normalizers, task, pass) }
        }
        return losses
    }

    public func backward(_ lanes: Set<Int>, _ normalizers: Normalizers) {
        guard let task else { return }
        for (i, part) in task.parts.enumerated() where lanes.contains(part.lane) {
            let pass = pass(keeping == .nothing ? 0 : i)
            if keeping == .nothing { _ = forward(part, pass) }
            backward(part, losses[part.lane, default: []].flatMap(\.self), normalizers, task, pass)
        }
    }

    private static func sequences(_ part: LanePart) -> [TrainingSequence] { part.shards.flatMap(\.self) }

    private func pass(_ index: Int) -> TrainingPass {
        while passes.count <= index {
            passes.append(TrainingPass(transformer, training: layers, scratch: scratch, threads: threads))
        }
        return passes[index]
    }

    private func forward(_ part: LanePart, _ pass: TrainingPass) -> [LossRow] {
        let sequences = Self.sequences(part)
        pass.forward(
            sequences.map {
                ForwardInput(tokens: $0.tokens, attention: $0.attention, logitRows: $0.rows.map(\.row))
            })
        return sequences.flatMap(\.rows)
    }

    private func backward(
        _ part: LanePart, _ losses: [RowLoss], _ normalizers: Normalizers, _ task: LaneTask,
        _ pass: TrainingPass
    ) {
        let gradient = sum ?? laneGradient(part.lane)
        if sum == nil { gradient.clear() }
        let rows = Self.sequences(part).flatMap(\.rows)
        guard !rows.isEmpty else { return }
        let weights = rows.enumerated().map { i, row in
            normalizers.weights(
                of: row, isCorrect: losses.isEmpty ? false : losses[i].isCorrect, task.groups[row.group])
        }
        pass.lowRankGradient = gradient
        let dHidden = pass.headBackward(
            targets: rows.map(\.target), soft: task.softTargets(of: rows), weights: weights,
            temperature: task.temperature, into: nil)
        pass.backward(dHidden, into: nil)
    }
}
