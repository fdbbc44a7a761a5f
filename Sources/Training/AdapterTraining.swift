public import Numerics
public import Transformers

/// Training of low-rank changes to some matrices of the blocks, the rest frozen (LoRA, arXiv 2106.09685).
///
/// Forward and backward pass use merged weights, W + scaling · B · A, which gives the same gradients of A and B as
/// passes that keep the two apart. The base of each changed matrix is kept beside the merged one, and the whole
/// gradient of the merged weights is computed: exact, at the memory of a full training without its optimiser's state.
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
    }

    public let weights: FlatParameters
    public let trained: FloatBuffer
    /// The adapter; its matrices are views into ``trained``.
    public let adapter: LoRAAdapter
    /// The frozen weights that ``adapter`` changes, in its order.
    private let bases: [Matrix]
    private let gradients: FloatBuffer

    /// An adapter that changes nothing yet: A uniform within ±1/√inputs and B zero, as PEFT begins.
    /// - Parameter weights: the base; its matrices are changed in place as training goes on.
    public init(_ weights: FlatParameters, _ options: Options, seed: UInt64) {
        precondition(
            options.rank > 0 && !options.targets.isEmpty, "an adapter has a rank and changes something")
        let targets = Set(options.targets)
        let chosen = weights.specifications.map(\.specification).filter { specification in
            if case .block(_, let role) = specification.role {
                return targets.contains(role) && !specification.isVector
            }
            return false
        }
        let trained = FloatBuffer(zeros: chosen.reduce(0) { $0 + options.rank * ($1.rows + $1.columns) })
        var offset = 0
        let pairs = chosen.enumerated().map { i, specification in
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
        self.weights = weights
        self.trained = trained
        adapter = LoRAAdapter(rank: options.rank, alpha: options.alpha, pairs: pairs)
        gradients = FloatBuffer(zeros: trained.count)
        bases = chosen.map { specification in
            let copy = MutableMatrix(zeros: specification.rows, specification.columns)
            copy.copy(from: weights.view(of: specification.role))
            return copy.view
        }
    }

    /// Elements of each trained matrix, in order: A and B of each pair.
    public var counts: [Int] {
        adapter.pairs.flatMap { [$0.a.rows * $0.a.columns, $0.b.rows * $0.b.columns] }
    }

    public func gradient(from weights: FlatParameters) -> FloatBuffer {
        var offset = 0
        for (a, b) in adapter.gradients(from: weights) {
            for matrix in [a, b] {
                gradients.matrix(rows: matrix.rows, columns: matrix.columns, offset: offset).copy(
                    from: matrix)
                offset += matrix.rows * matrix.columns
            }
        }
        return gradients
    }

    public func trainedChanged() {
        for (pair, base) in zip(adapter.pairs, bases) {
            weights.views[pair.role]?.copy(from: base)
        }
        adapter.merge(into: weights)
    }
}
