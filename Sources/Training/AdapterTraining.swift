public import Numerics
public import Transformers

/// Training of low-rank changes to some matrices of the blocks, the rest frozen (LoRA, arXiv 2106.09685).
///
/// A changed layer computes W x + scaling · B (A x), with W where the base has it. Gradients, the optimiser's state and
/// checkpoints are those of A and B; nothing of the base is copied.
public final class AdapterTraining: Trainee {
    /// Size of an adapter and what it changes.
    public struct Options: Sendable, Hashable {
        public var rank: Int
        public var alpha: Double
        /// Matrices of each block; upstream's list names q, k, v, o, gate, up and down, of which LLaDA has q, k, v
        /// and up under these names.
        public var targets: [ParameterRole.BlockRole]

        public init(rank: Int, alpha: Double, targets: [ParameterRole.BlockRole]) {
            self.rank = rank
            self.alpha = alpha
            self.targets = targets
        }

        /// The weights that it changes, in the order of the model.
        public func weights(of configuration: TransformerConfiguration) -> [ParameterSpecification] {
            let targets = Set(targets)
            return configuration.parameterSpecifications.filter { specification in
                if case .block(_, let role) = specification.role {
                    return targets.contains(role) && !specification.isVector
                }
                return false
            }
        }

        /// Elements of A and B of all of them.
        public func count(of configuration: TransformerConfiguration) -> Int {
            weights(of: configuration).reduce(0) { $0 + rank * ($1.rows + $1.columns) }
        }
    }

    public let trained: FloatBuffer
    /// The adapter; its matrices are views into ``trained``.
    public let adapter: LoRAAdapter
    /// Others get the base once, in 32-bit floats: not one of billions of parameters, nor one that was rounded.
    public var takesHelpers: Bool {
        base.configuration.parameterCount <= Self.mostParametersSent && !base.isQuantized
    }
    private static let mostParametersSent = 1 << 28
    private let options: Options
    private let base: Transformer

    /// An adapter that changes nothing yet: A uniform within ±1/√inputs and B zero, as PEFT begins.
    /// - Parameter base: in 32-bit floats, or as ``Checkpoint/loadFrozen(_:_:threads:)`` gives it.
    public init(_ base: Transformer, _ options: Options, seed: UInt64) {
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
    public var counts: [Int] {
        adapter.pairs.flatMap { [$0.a.rows * $0.a.columns, $0.b.rows * $0.b.columns] }
    }

    /// Computes shards of batches for another process.
    ///
    /// - Throws: `BLASError` when no matrix library can be loaded.
    public func lanes(threads: Int, precision: TrainingPrecision) throws -> AdapterLanes {
        AdapterLanes(
            try base.frozen(computing: precision.products), LowRankLayers(adapter), threads: threads)
    }

    public func batchLoss(
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
