import Files
import Numerics
import SystemPackage
import Transformers

/// Models small enough for references in plain loops.
enum TinyModels {
    /// 2 layers, width 8, 2 heads that share 1 key-value head, F 12, V 11.
    static func configuration(
        tied: Bool = false, bias: Bool = true, attention: AttentionPattern = .bidirectional,
        shift: Bool = false, headNorm: Bool = false, headWidth: Int? = nil,
        scaling: RotaryScaling = .unscaled
    ) -> TransformerConfiguration {
        var c = TransformerConfiguration(
            layers: 2, width: 8, heads: 2, keyValueHeads: 1, headWidth: headWidth, feedForwardWidth: 12,
            vocabulary: 11)
        c.queryKeyNorm = headNorm
        c.ropeScaling = scaling
        c.tiedHead = tied
        c.queryKeyValueBias = bias
        c.attention = attention
        c.logitShift = shift
        c.maskToken = 10
        c.endToken = 9
        c.maximumPositions = 64
        return c
    }

    /// Parameters that differ from one another everywhere: norms around 1, the rest in ±0.5.
    static func parameters(_ c: TransformerConfiguration, seed: UInt64 = 1) -> FlatParameters {
        let flat = FlatParameters(zeros: c)
        for (i, (specification, _)) in flat.specifications.enumerated() {
            var stream = RandomStream(seed: seed, purpose: "tiny", sample: UInt64(i))
            let elements = flat.elements(of: i)
            for j in elements.indices {
                elements[j] = Float(stream.nextDouble() - 0.5) + (specification.isNorm ? 1 : 0)
            }
        }
        return flat
    }

    static func transformer(_ c: TransformerConfiguration, seed: UInt64 = 1) throws -> Transformer {
        try Transformer(over: parameters(c, seed: seed))
    }

    static func tokens(_ count: Int, seed: UInt64 = 1, vocabulary: Int = 11) -> [Int32] {
        var stream = RandomStream(seed: seed, purpose: "tokens")
        return (0..<count).map { _ in Int32(stream.nextInt(in: 0..<vocabulary)) }
    }
}

extension Matrix {
    /// Largest absolute difference to another matrix of the same shape.
    func distance(to other: Matrix) -> Float {
        precondition(rows == other.rows && columns == other.columns, "\(rows)x\(columns) and another shape")
        return zip(elements, other.elements).reduce(0) { max($0, abs($1.0 - $1.1)) }
    }
}

/// A folder that goes away with the test.
final class TemporaryFolder: Sendable {
    let path: FilePath

    init() throws {
        path = FilePath("/tmp/d3llm-transformers-\(UInt64.random(in: 0 ... .max))")
        try FileSystem.createDirectory(path)
    }

    deinit { try? FileSystem.remove(path) }
}
