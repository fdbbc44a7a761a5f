internal import Files
package import Numerics

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
package final class TrainingWeights: Sendable {
    private typealias Copy = (source: Matrix, forward: BFloat16Weight, transposed: BFloat16Weight)

    /// For `y = x · Wᵀ`.
    let forward: ModelParameters<Weight>
    /// Their transposes, for `dx = dy · W`; nil in 32-bit floats, which need none.
    let transposed: ModelParameters<Weight>?
    private let copies: [Copy]

    /// - Parameter transformer: a model in 32-bit floats, whose parameters are in training.
    package init(_ transformer: Transformer, _ precision: TrainingPrecision, threads: Int = 1) {
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
    package func update(threads: Int) {
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

/// How the linear layers of a model are kept that isn't trained.
package enum FrozenForm: String, Sendable, Hashable, CaseIterable {
    /// As the files hold them, mapped.
    case stored
    /// In 8-bit integers with a scale per output: half the memory of bfloat16. Only weights are rounded, not inputs.
    case int8
}

extension Transformer {
    /// The same model, over the same memory, whose linear layers compute products with the weights as they are stored.
    ///
    /// - Precondition: the weights are 32-bit floats or those of ``Checkpoint/loadFrozen(_:_:threads:)``, not packed.
    /// - Throws: `BLASError` when no matrix library can be loaded.
    package func frozen(computing products: FrozenWeight.Products) throws(BLASError) -> Transformer {
        var result = ModelParameters(configuration) { (specification) -> Weight in
            guard let weight = weights[specification.role] else {
                preconditionFailure("the model has no parameter \(specification.role)")
            }
            guard !specification.isVector, specification.role != .embedding else { return weight }
            return .frozen(weight.frozen(computing: products))
        }
        if configuration.tiedHead {
            result.head = .frozen((weights.head ?? weights.embedding).frozen(computing: products))
        }
        return try Transformer(configuration, weights: result)
    }

    /// Whether weights were rounded to 8 bits.
    package var isQuantized: Bool {
        configuration.parameterSpecifications.contains { specification in
            if case .frozen(let weight) = weights[specification.role], case .int8 = weight.numbers {
                return true
            }
            return false
        }
    }

    /// The weight with the given role in 32-bit floats: where it lies if it is such, else in new memory.
    ///
    /// - Precondition: as for ``frozen(computing:)``.
    func widened(_ role: ParameterRole) -> Matrix {
        guard let weight = weights[role] else { preconditionFailure("the model has no parameter \(role)") }
        if case .float32(let matrix) = weight { return matrix }
        return weight.frozen(computing: .float32).widened()
    }
}

extension FlatParameters {
    /// A copy in 32-bit floats of a model whose weights are frozen, or such already.
    package convenience init(widening transformer: Transformer) {
        self.init(zeros: transformer.configuration)
        for (specification, offset) in specifications {
            buffer.matrix(rows: specification.rows, columns: specification.columns, offset: offset)
                .copy(from: transformer.widened(specification.role))
        }
    }
}

extension Weight {
    fileprivate func frozen(computing products: FrozenWeight.Products) -> FrozenWeight {
        switch self {
        case .float32(let matrix): FrozenWeight(.float32(matrix), products: products)
        case .rows(let rows): FrozenWeight(.bfloat16(rows), products: products)
        case .frozen(let weight): weight.computing(in: products)
        case .bfloat16, .int8: preconditionFailure("a packed weight can't be read as it was stored")
        }
    }
}

extension TrainingPrecision {
    /// What products with frozen weights are computed in.
    package var products: FrozenWeight.Products {
        switch self {
        case .float32: .float32
        case .bfloat16: .bfloat16
        }
    }
}

extension BlockParameters<Weight> {
    /// The weights of linear layers.
    var matrices: [Weight] { [query, key, value, attentionOutput, gate, up, down] }
}

extension Weight {
    /// Smaller ones aren't worth a call.
    private static let leastBytes = 1 << 20

    /// Tells the system that weights of a mapped file will be read soon, or not for a while; other weights aren't changed
    /// by it.
    func advise(isNeeded: Bool) {
        let numbers: FrozenWeight.Numbers
        switch self {
        case .rows(let rows): numbers = .bfloat16(rows)
        case .frozen(let weight): numbers = weight.numbers
        case .float32, .bfloat16, .int8: return
        }
        let (owner, start, bytes): (AnyObject, UnsafeRawPointer, Int)
        switch numbers {
        case .bfloat16(let rows):
            (owner, start, bytes) = (rows.owner, UnsafeRawPointer(rows.pointer), 2 * rows.rows * rows.columns)
        case .float32(let matrix):
            guard matrix.isContiguous else { return }
            (owner, start, bytes) = (
                matrix.owner, UnsafeRawPointer(matrix.pointer), 4 * matrix.rows * matrix.columns
            )
        case .int8: return
        }
        guard bytes >= Self.leastBytes, let file = owner as? MappedFile, let base = file.bytes.baseAddress
        else { return }
        file.advise(start - base..<start - base + bytes, isNeeded: isNeeded)
    }
}
