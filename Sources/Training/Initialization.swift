internal import Numerics
public import Transformers

/// Random initial weights.
public struct Initialization: Sendable, Hashable {
    /// Standard deviation of the embedding.
    public var embedding: Double
    /// Standard deviation of the other matrices.
    public var matrices: Double

    public init(embedding: Double = 1, matrices: Double = 0.02) {
        self.embedding = embedding
        self.matrices = matrices
    }

    /// Parameters drawn from normal distributions; norms are 1, biases 0, and the matrices that write to the
    /// residual stream are scaled by 1/√(2 · layers).
    public func parameters(_ configuration: TransformerConfiguration, seed: UInt64) -> FlatParameters {
        let flat = FlatParameters(zeros: configuration)
        for (i, (specification, _)) in flat.specifications.enumerated() {
            var stream = RandomStream(seed: seed, purpose: "initialization", sample: UInt64(i))
            let elements = flat.elements(of: i)
            if let deviation = deviation(specification, configuration) {
                for j in elements.indices { elements[j] = Float(stream.nextNormal() * deviation) }
            } else if specification.isNorm {
                elements.update(repeating: 1)
            }
        }
        return flat
    }

    private func deviation(
        _ specification: ParameterSpecification, _ configuration: TransformerConfiguration
    ) -> Double? {
        if specification.isVector { return nil }
        switch specification.role {
        case .embedding: return embedding
        case .block(_, .attentionOutput), .block(_, .down):
            return matrices / Double(2 * configuration.layers).squareRoot()
        default: return matrices
        }
    }
}
