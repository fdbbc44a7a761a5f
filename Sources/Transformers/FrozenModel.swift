internal import Files
public import Numerics

/// How the linear layers of a model are kept that isn't trained.
public enum FrozenForm: String, Sendable, Hashable, CaseIterable {
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
    public func frozen(computing products: FrozenWeight.Products) throws(BLASError) -> Transformer {
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
    public var isQuantized: Bool {
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
    public convenience init(widening transformer: Transformer) {
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
    public var products: FrozenWeight.Products {
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
