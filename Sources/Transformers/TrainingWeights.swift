internal import Numerics

/// What the linear layers of a model in training compute with.
public enum TrainingPrecision: String, Sendable, Hashable, CaseIterable {
    /// 32-bit floats.
    case float32
    /// Weights, inputs and gradients rounded to bfloat16 for the products of linear layers, in both directions; sums,
    /// all else, and the weights that the optimiser changes are 32-bit floats.
    case bfloat16
}

/// The weights of a model in training, in the form that products read.
///
/// In 32-bit floats they are views, which follow the parameters; in bfloat16 copies, which ``update(threads:)`` makes
/// follow.
public final class TrainingWeights: Sendable {
    private typealias Copy = (source: Matrix, forward: BFloat16Weight, transposed: BFloat16Weight)

    /// For `y = x · Wᵀ`.
    let forward: ModelParameters<Weight>
    /// Their transposes, for `dx = dy · W`; nil in 32-bit floats, which need none.
    let transposed: ModelParameters<Weight>?
    private let copies: [Copy]

    /// - Parameter transformer: a model in 32-bit floats, whose parameters are in training.
    public init(_ transformer: Transformer, _ precision: TrainingPrecision, threads: Int = 1) {
        guard precision == .bfloat16 else {
            forward = transformer.weights
            transposed = nil
            copies = []
            return
        }
        let c = transformer.configuration
        var copies: [ParameterRole: Copy] = [:]
        func copy(_ role: ParameterRole, of source: Matrix) {
            copies[role] = (
                source, BFloat16Weight(rows: source.rows, columns: source.columns),
                BFloat16Weight(rows: source.columns, columns: source.rows)
            )
        }
        for specification in c.parameterSpecifications
        where !specification.isVector && specification.role != .embedding {
            copy(specification.role, of: transformer.parameter(specification.role))
        }
        // A tied head has the embedding's numbers in a form of its own.
        if c.tiedHead { copy(.head, of: transformer.parameters.embedding) }
        func weights(_ form: (Copy) -> BFloat16Weight) -> ModelParameters<Weight> {
            var result = ModelParameters(c) { (specification) -> Weight in
                copies[specification.role].map { .bfloat16(form($0)) }
                    ?? .float32(transformer.parameter(specification.role))
            }
            result.head = copies[.head].map { .bfloat16(form($0)) }
            return result
        }
        forward = weights(\.forward)
        transposed = weights(\.transposed)
        self.copies = Array(copies.values)
        update(threads: threads)
    }

    /// Makes copies follow the parameters; nothing may be computed with them meanwhile.
    public func update(threads: Int) {
        let jobs = copies.flatMap { copy in
            (0..<copy.forward.bands).map { (copy, $0, false) }
                + (0..<copy.transposed.bands).map { (copy, $0, true) }
        }
        Threads.parallelFor(jobs.count, threads: threads) { (i: Int) -> Void in
            let (copy, band, isTransposed) = jobs[i]
            if isTransposed {
                copy.transposed.pack(band: band, roundingTransposeOf: copy.source)
            } else {
                copy.forward.pack(band: band, rounding: copy.source)
            }
        }
    }
}

extension ModelParameters<Weight> {
    /// The head's weight, V × D.
    var headOrEmbedding: Weight { head ?? embedding }
}
