package import Numerics
package import Transformers

/// Computes lanes of one shard each of a training of an adapter, one after another, with all threads inside of products.
package final class AdapterLanes: LaneComputing {
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

    package var configuration: TransformerConfiguration { transformer.configuration }
    package func trainedChanged() {}

    /// Bytes of memory held for activations and scratch.
    var activationBytes: Int { scratch.bytes + passes.reduce(0) { $0 + $1.bytes } }

    package func laneGradient(_ lane: Int) -> FloatBuffer {
        if let gradient = gradients[lane] { return gradient }
        let gradient = FloatBuffer(zeros: layers.count)
        gradients[lane] = gradient
        return gradient
    }

    package func forward(_ task: LaneTask) -> [Int: LaneLosses] {
        self.task = task
        keeping = AdapterGradient.Keeping(
            transformer.configuration, shards: task.parts.map { Self.sequences($0).map(\.tokens.count) },
            keepsAll: task.hasTwoPhases, limit: activationLimit)
        losses = [:]
        for (i, part) in task.parts.enumerated() {
            let pass = pass(task.hasTwoPhases && keeping != .nothing ? i : 0)
            pass.recomputes = keeping != .activations
            let rows = forward(part, pass, task)
            losses[part.lane] = [
                pass.rowLosses(
                    targets: rows.map(\.target), soft: task.softTargets(of: rows),
                    temperature: task.temperature)
            ]
            if !task.hasTwoPhases { backward(part, [], task.normalizers, task, pass) }
        }
        return losses
    }

    package func backward(_ lanes: Set<Int>, _ normalizers: Normalizers) {
        guard let task else { return }
        for (i, part) in task.parts.enumerated() where lanes.contains(part.lane) {
            let pass = pass(keeping == .nothing ? 0 : i)
            if keeping == .nothing { _ = forward(part, pass, task) }
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

    private func forward(_ part: LanePart, _ pass: TrainingPass, _ task: LaneTask) -> [LossRow] {
        let sequences = Self.sequences(part)
        pass.forward(sequences.map { $0.input(task.softTargets) })
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

/// Loss of batches, and the gradient of an adapter over frozen weights.
///
/// Shards are computed one after another, with all threads inside of their products: they share the weights, as they are
/// read, the one gradient and the scratch memory. Threads don't show in the results.
package final class AdapterGradient: BatchLoss {
    /// Bytes of activations that are kept at most.
    ///
    /// Batches that would need more keep the inputs of blocks and compute the
    /// rest again, and those whose inputs of blocks need more are run forward again.
    package static let activationLimit = 512 << 20

    /// What is kept of a shard until its gradient is computed; each step down is the same bits for more work.
    package enum Keeping: Int, Sendable {
        case activations = 1
        case blockInputs
        case nothing

        /// How often a block is computed forward.
        package var forwards: Int { rawValue }

        /// - Parameters:
        ///   - shards: the lengths of each shard's sequences.
        ///   - keepsAll: whether all of them wait for their gradients.
        ///   - limit: bytes of what is kept.
        package init(_ c: TransformerConfiguration, shards: [[Int]], keepsAll: Bool, limit: Int) {
            func bytes(_ token: (Int) -> Int) -> Int {
                let all = shards.map { lengths in lengths.reduce(0) { $0 + $1 * token($1) } }
                return keepsAll ? all.reduce(0, +) : all.max() ?? 0
            }
            if bytes(c.activationBytes) <= limit {
                self = .activations
            } else if !keepsAll || bytes({ _ in 4 * c.width * c.layers }) <= limit {
                self = .blockInputs
            } else {
                self = .nothing
            }
        }
    }

    package let trainedGradient: FloatBuffer
    /// The same as matrices: the gradients of A and B of every pair, in the order of the adapter.
    package let gradients: [(a: Matrix, b: Matrix)]
    private let lanes: AdapterLanes
    package var threads: Int {
        get { lanes.threads }
        set { lanes.threads = newValue }
    }
    private let helpers: (helpers: any LaneHelpers, model: LaneModel)?

    /// - Parameters:
    ///   - base: in 32-bit floats, or as ``Checkpoint/loadFrozen(_:_:threads:)`` gives it.
    ///   - adapter: what is trained; read on every call.
    ///   - precision: what products with the base are computed in; those with A and B are in 32-bit floats.
    ///   - activationLimit: see ``activationLimit-swift.type.property``; it changes memory and time, not results.
    ///   - helpers: who else computes shards, and what they need; nil where nobody does.
    /// - Throws: `BLASError` when no matrix library can be loaded.
    package init(
        _ base: Transformer, _ adapter: LoRAAdapter, threads: Int, precision: TrainingPrecision = .float32,
        activationLimit: Int = AdapterGradient.activationLimit,
        helpers: (helpers: any LaneHelpers, model: LaneModel)? = nil
    ) throws {
        let layers = LowRankLayers(adapter)
        let gradient = FloatBuffer(zeros: layers.count)
        trainedGradient = gradient
        gradients = adapter.pairs.compactMap { layers.gradient(of: $0.role, in: gradient) }
        lanes = AdapterLanes(
            try base.frozen(computing: precision.products), layers, threads: threads,
            activationLimit: activationLimit)
        self.helpers = helpers
    }

    /// Bytes of memory held for activations and scratch.
    package var activationBytes: Int { lanes.activationBytes }

    package func compute(_ batch: LossBatch) -> LossReport {
        // Every shard is a lane of its own.
        let shards = BatchGradient.shards(of: batch).map { Array(batch.sequences[$0]) }
        let task = LaneTask(
            parts: shards.enumerated().map { LanePart(lane: $0, shards: [$1]) }, groups: batch.groups,
            temperature: batch.temperature, softTargets: batch.softTargets,
            // The entropy term is a mean over the rows that turn out correct, known only after every forward pass.
            hasTwoPhases: batch.groups.contains { $0.entropy != 0 }, recomputes: false,
            normalizers: Normalizers(batch))
        trainedGradient.clear()
        guard let helpers else {
            lanes.sum = trainedGradient
            let final = BatchGradient.count(lanes.forward(task), task)
            if task.hasTwoPhases { lanes.backward(Set(shards.indices), final) }
            return final.report(batch)
        }
        let final = BatchGradient.compute(task, lanes, helpers.model, with: helpers.helpers)
        let all = UnsafeMutableBufferPointer(start: trainedGradient.pointer, count: trainedGradient.count)
        for lane in shards.indices { Kernels.axpy(1, lanes.laneGradient(lane).pointer, to: all) }
        return final.report(batch)
    }
}

/// Training of low-rank changes to some matrices of the blocks, the rest frozen (LoRA, arXiv 2106.09685).
///
/// A changed layer computes W x + scaling · B (A x), with W where the base has it. Gradients, the optimiser's state and
/// checkpoints are those of A and B; nothing of the base is copied.
package final class AdapterTraining: Trainee {
    /// Size of an adapter and what it changes.
    package struct Options: Sendable, Hashable {
        package var rank: Int
        package var alpha: Double
        /// Matrices of each block; upstream's list names q, k, v, o, gate, up and down, of which LLaDA has q, k, v
        /// and up under these names.
        package var targets: [ParameterRole.BlockRole]

        package init(rank: Int, alpha: Double, targets: [ParameterRole.BlockRole]) {
            self.rank = rank
            self.alpha = alpha
            self.targets = targets
        }

        /// The weights that it changes, in the order of the model.
        package func weights(of configuration: TransformerConfiguration) -> [ParameterSpecification] {
            let targets = Set(targets)
            return configuration.parameterSpecifications.filter { specification in
                if case .block(_, let role) = specification.role {
                    return targets.contains(role) && !specification.isVector
                }
                return false
            }
        }

        /// Elements of A and B of all of them.
        package func count(of configuration: TransformerConfiguration) -> Int {
            weights(of: configuration).reduce(0) { $0 + rank * ($1.rows + $1.columns) }
        }
    }

    package let trained: FloatBuffer
    /// The adapter; its matrices are views into ``trained``.
    package let adapter: LoRAAdapter
    /// Others get the base once, in 32-bit floats: not one of billions of parameters, nor one that was rounded.
    package var takesHelpers: Bool {
        base.configuration.parameterCount <= Self.mostParametersSent && !base.isQuantized
    }
    private static let mostParametersSent = 1 << 28
    private let options: Options
    private let base: Transformer

    /// An adapter that changes nothing yet: A uniform within ±1/√inputs and B zero, as PEFT begins.
    /// - Parameter base: in 32-bit floats, or as ``Checkpoint/loadFrozen(_:_:threads:)`` gives it.
    package init(_ base: Transformer, _ options: Options, seed: UInt64) {
        precondition(
            options.rank > 0 && !options.targets.isEmpty, "an adapter has a rank and changes something")
        let trained = FloatBuffer(zeros: options.count(of: base.configuration))
        var offset = 0
        let pairs = options.weights(of: base.configuration).enumerated().map { i, specification in
            let a = trained.matrix(rows: options.rank, columns: specification.columns, offset: offset)
            offset += options.rank * specification.columns
            let b = trained.matrix(rows: specification.rows, columns: options.rank, offset: offset)
            offset += options.rank * specification.rows
            var stream = RandomStream(seed: seed, purpose: "adapter", sample: UInt64(i))
            let bound = 1 / Double(specification.columns).squareRoot()
            for row in 0..<a.rows {
                for column in 0..<a.columns { a[row, column] = Float((2 * stream.nextDouble() - 1) * bound) }
            }
            return LoRAAdapter.Pair(role: specification.role, a: a.view, b: b.view)
        }
        self.base = base
        self.options = options
        self.trained = trained
        adapter = LoRAAdapter(rank: options.rank, alpha: options.alpha, pairs: pairs)
    }

    /// Elements of each trained matrix, in order: A and B of each pair.
    package var counts: [Int] {
        adapter.pairs.flatMap { [$0.a.rows * $0.a.columns, $0.b.rows * $0.b.columns] }
    }

    /// Computes shards of batches for another process.
    ///
    /// - Throws: `BLASError` when no matrix library can be loaded.
    package func lanes(threads: Int, precision: TrainingPrecision) throws -> AdapterLanes {
        AdapterLanes(
            try base.frozen(computing: precision.products), LowRankLayers(adapter), threads: threads)
    }

    package func batchLoss(
        threads: Int, precision: TrainingPrecision, helpers: (any LaneHelpers)?
    ) throws -> any BatchLoss {
        let helped = helpers.map { ($0, FlatParameters(widening: base)) }
        return try AdapterGradient(
            base, adapter, threads: threads, precision: precision,
            helpers: helped.map { helpers, base in
                let model = LaneModel(
                    configuration: base.configuration, trained: trained, adapter: (options, base))
                return (helpers, model)
            })
    }
}
