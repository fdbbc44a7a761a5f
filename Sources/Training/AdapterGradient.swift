public import Numerics
public import Transformers

/// Loss of batches, and the gradient of an adapter over frozen weights.
///
/// Shards are computed one after another, with all threads inside of their products: they share the weights, as they are
/// read, the one gradient and the scratch memory. Threads don't show in the results.
public final class AdapterGradient: BatchLoss {
    /// Bytes of activations that are kept at most.
    ///
    /// Batches that would need more keep the inputs of blocks and compute the
    /// rest again, and those whose inputs of blocks need more are run forward again.
    public static let activationLimit = 512 << 20

    /// What is kept of a shard until its gradient is computed; each step down is the same bits for more work.
    public enum Keeping: Int, Sendable {
        case activations = 1
        case blockInputs
        case nothing

        /// How often a block is computed forward.
        public var forwards: Int { rawValue }

        /// - Parameters:
        ///   - shards: the lengths of each shard's sequences.
        ///   - keepsAll: whether all of them wait for their gradients.
        ///   - limit: bytes of what is kept.
        public init(_ c: TransformerConfiguration, shards: [[Int]], keepsAll: Bool, limit: Int) {
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

    public let trainedGradient: FloatBuffer
    /// The same as matrices: the gradients of A and B of every pair, in the order of the adapter.
    public let gradients: [(a: Matrix, b: Matrix)]
    private let lanes: AdapterLanes
    public var threads: Int {
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
    public init(
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
    public var activationBytes: Int { lanes.activationBytes }

    public func compute(_ batch: LossBatch) -> LossReport {
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
