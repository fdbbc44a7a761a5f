internal import Numerics
public import Transformers

/// Loss and gradient of whole batches, computed in parallel with results that don't depend on the number of
/// threads, nor on who else computes lanes.
///
/// Sequences are cut into shards; shard i belongs to lane i modulo ``lanes``; a lane adds the gradients of its
/// shards in order, and the lanes are added in order. Threads and helpers only decide who computes a lane.
public final class BatchGradient {
    /// Gradient accumulators; part of what decides the bits of a result.
    public static let lanes = 4
    /// Tokens that a shard aims at: small enough for a core's cache.
    private static let shardTokens = 512

    /// Bytes of activations that are kept at most; batches that would need more have them computed again.
    public static let activationLimit = 2 << 30

    private let engine: LaneEngine
    public var threads: Int { didSet { engine.threads = threads } }
    private let activationLimit: Int
    private let helpers: (any LaneHelpers)?

    /// - Parameters:
    ///   - parameters: the parameters in training; read on every call.
    ///   - threads: how many threads to use.
    ///   - precision: what products of linear layers are computed in; parameters and gradients are 32-bit floats.
    ///   - activationLimit: see ``activationLimit-swift.type.property``; it changes memory and time, not results.
    ///   - helpers: who else computes lanes; nil where nobody does.
    /// - Throws: `BLASError` when no matrix library can be loaded.
    public init(
        _ parameters: FlatParameters, threads: Int, precision: TrainingPrecision = .float32,
        activationLimit: Int = BatchGradient.activationLimit, helpers: (any LaneHelpers)? = nil
    ) throws {
        engine = try LaneEngine(parameters, threads: threads, precision: precision)
        self.threads = threads
        self.activationLimit = activationLimit
        self.helpers = helpers
    }

    public var transformer: Transformer { engine.transformer }

    /// The gradient of the last batch.
    public var gradient: FlatParameters { engine.gradient(of: 0) }

    /// Bytes of memory held for activations and scratch.
    public var activationBytes: Int { engine.activationBytes }

    /// Computes loss and gradient; the latter is in ``gradient`` until the next call.
    public func compute(_ batch: LossBatch) -> LossReport {
        let shards = Self.shards(of: batch)
        // The entropy term is a mean over the rows that turn out correct, known only after every forward pass.
        let hasTwoPhases = batch.groups.contains { $0.entropy != 0 }
        let task = LaneTask(
            parts: (0..<Self.lanes).map { lane in
                LanePart(
                    lane: lane,
                    shards: stride(from: lane, to: shards.count, by: Self.lanes).map {
                        Array(batch.sequences[shards[$0]])
                    })
            }, groups: batch.groups, temperature: batch.temperature, softTargets: batch.softTargets,
            hasTwoPhases: hasTwoPhases, recomputes: recomputes(shards, of: batch, keepsAll: hasTwoPhases),
            normalizers: Normalizers(batch))
        let model = LaneModel(configuration: engine.configuration, trained: engine.parameters.buffer)
        let losses = helpers.map { Self.compute(task, engine, model, with: $0) } ?? compute(task)
        sumLanes()
        return losses.report(batch)
    }

    /// Computes all lanes here.
    private func compute(_ task: LaneTask) -> Normalizers {
        engine.trainedChanged()
        let final = Self.count(engine.forward(task), task)
        if task.hasTwoPhases { engine.backward(Set(0..<Self.lanes), final) }
        return final
    }

    /// Computes here what helpers don't; the gradients are in the engine's lanes.
    static func compute(
        _ task: LaneTask, _ engine: any LaneComputing, _ model: LaneModel, with helpers: any LaneHelpers
    ) -> Normalizers {
        let given = helpers.begin(task, model)
        let own = Set(task.parts.map(\.lane)).subtracting(given)
        let clock = ContinuousClock()
        engine.trainedChanged()
        var losses: [Int: LaneLosses] = [:]
        let forward = clock.measure { losses = engine.forward(task.restricted(to: own)) }
        let come = helpers.losses(LaneTiming(lanes: own.count, duration: forward), engine.laneGradient)
        losses.merge(come) { here, _ in here }
        let lost = given.subtracting(come.keys)
        let here = own.union(lost)
        if !lost.isEmpty {
            // The second phase finds the activations of the engine's last task only.
            let again = task.hasTwoPhases ? here : lost
            losses.merge(engine.forward(task.restricted(to: again))) { here, _ in here }
        }
        let final = count(losses, task)
        guard task.hasTwoPhases else { return final }
        helpers.beginBackward(final)
        let backward = clock.measure { engine.backward(here, final) }
        let remote = given.subtracting(lost)
        let whole = helpers.gradients(
            LaneTiming(lanes: here.count, duration: backward), engine.laneGradient)
        let missing = remote.subtracting(whole)
        if !missing.isEmpty {
            _ = engine.forward(task.restricted(to: missing))
            engine.backward(missing, final)
        }
        return final
    }

    /// Counts the rows' losses in the order of the batch's shards, which is part of what decides the last bits.
    static func count(_ losses: [Int: LaneLosses], _ task: LaneTask) -> Normalizers {
        var normalizers = task.normalizers
        let rounds = task.parts.map(\.shards.count).max() ?? 0
        for round in 0..<rounds {
            for part in task.parts where round < part.shards.count {
                guard let lane = losses[part.lane] else { continue }
                normalizers.count(part.shards[round].flatMap(\.rows), lane[round])
            }
        }
        return normalizers
    }

    /// Whether activations are computed again instead of kept, so that they fit.
    private func recomputes(_ shards: [Range<Int>], of batch: LossBatch, keepsAll: Bool) -> Bool {
        let c = transformer.configuration
        let bytes = shards.map { shard in
            batch.sequences[shard].reduce(0) {
                $0 + $1.tokens.count * c.activationBytes(tokens: $1.tokens.count)
            }
        }
        let held = keepsAll ? bytes.reduce(0, +) : Self.lanes * (bytes.max() ?? 0)
        return held > activationLimit
    }

    private func sumLanes() {
        let total = engine.gradient(of: 0).buffer
        let parts = (1..<Self.lanes).map { engine.gradient(of: $0).buffer }
        let piece = 1 << 16
        Threads.parallelFor((total.count + piece - 1) / piece, threads: threads) { (i: Int) -> Void in
            let start = i * piece
            let range = UnsafeMutableBufferPointer(
                start: total.pointer + start, count: min(piece, total.count - start))
            for part in parts { Kernels.axpy(1, part.pointer + start, to: range) }
        }
    }

    /// Ranges of sequences, a multiple of ``lanes`` of them where there are enough sequences.
    static func shards(of batch: LossBatch) -> [Range<Int>] {
        shards(sequences: batch.sequences.count, tokens: batch.tokenCount)
    }

    /// The same from what there is of each.
    public static func shards(sequences count: Int, tokens: Int) -> [Range<Int>] {
        let rounds = max(1, (tokens + lanes * shardTokens - 1) / (lanes * shardTokens))
        let shards = min(count, rounds * lanes)
        return (0..<shards).map { $0 * count / shards..<($0 + 1) * count / shards }
    }
}
