import Numerics
import Transformers

/// Random bfloat16 numbers of the size of weights, shared by all tensors of a benchmark: what they are doesn't matter.
final class RandomHalves {
    let pointer: UnsafeMutablePointer<UInt16>
    let count: Int

    init(count: Int) {
        self.count = count
        pointer = .allocate(capacity: count)
        var generator = Generator(seed: 1)
        for start in stride(from: 0, to: count, by: 4) {
            var bits = generator.next()
            for i in start..<min(start + 4, count) {
                // Either sign, 0.0078 to 0.031.
                pointer[i] = UInt16(truncatingIfNeeded: bits & 0x80FF) | 0x3C00
                bits >>= 16
            }
        }
    }

    deinit { pointer.deallocate() }

    func rows(_ rows: Int, _ columns: Int) -> BFloat16Rows {
        precondition(rows * columns <= count, "too few numbers for \(rows)x\(columns)")
        return BFloat16Rows(owner: self, pointer: pointer, rows: rows, columns: columns)
    }
}

enum RandomModel {
    /// LLaDA-8B's shapes, with fewer layers.
    static func configuration(layers: Int) -> TransformerConfiguration {
        TransformerConfiguration(
            layers: layers, width: 4096, heads: 32, feedForwardWidth: 12288, vocabulary: 126_464)
    }

    static func make(layers: Int, precision: WeightPrecision, threads: Int) throws -> Transformer {
        let c = configuration(layers: layers)
        let halves = RandomHalves(count: c.vocabulary * c.width)
        return try Transformer(c, weights: weights(c, halves, precision: precision, threads: threads))
    }

    /// Weights that all are the same numbers.
    static func weights(
        _ c: TransformerConfiguration, _ halves: RandomHalves, precision: WeightPrecision, threads: Int
    ) -> ModelParameters<Weight> {
        ModelParameters<Weight>(c) { specification in
            if specification.isVector {
                let ones = [Float](repeating: 1, count: specification.columns)
                return .float32(Matrix(rows: 1, columns: specification.columns, elements: ones))
            }
            let rows = halves.rows(specification.rows, specification.columns)
            if specification.role == .embedding { return .rows(rows) }
            return precision == .int8
                ? .int8(Int8Weight(rows, threads: threads))
                : .bfloat16(BFloat16Weight(rows, threads: threads))
        }
    }
}
