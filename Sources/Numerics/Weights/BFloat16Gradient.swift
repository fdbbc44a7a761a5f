internal import CKernels

/// The product that gives a linear layer's weight its gradient, in bfloat16.
public enum BFloat16Gradient {
    /// `sum += dyᵀ · x`: dy is M × N, x M × K, both rounded to the nearest bfloat16; sum is N × K, in 32-bit floats.
    ///
    /// One thread. The result depends on nothing but the numbers: each element is summed over M in one order.
    public static func add(_ dy: Matrix, _ x: Matrix, into sum: MutableMatrix, _ arena: Arena) {
        precondition(
            dy.rows == x.rows && sum.rows == dy.columns && sum.columns == x.columns,
            "gradient of \(dy.rows)x\(dy.columns) and \(x.rows)x\(x.columns) into \(sum.rows)x\(sum.columns)")
        guard x.rows > 0, sum.rows > 0, sum.columns > 0 else { return }
        let mark = arena.mark
        defer { arena.release(to: mark) }
        let left = PackedBFloat16(transposed(dy, arena), arena, threads: 1)
        let right = packed(transposed(x, arena), arena)
        d3_bf16_product(
            left.pointer, left.rows, left.columns, right, sum.columns, 0, d3_product_bands(sum.columns), true,
            arena.matrix(1, ProductScratch.count).pointer, sum.pointer, sum.stride)
    }

    private static func transposed(_ x: Matrix, _ arena: Arena) -> Matrix {
        let result = arena.matrix(x.columns, x.rows)
        Kernels.transpose(x, into: result)
        return result.view
    }

    /// `x` as the packed weight of a product.
    private static func packed(_ x: Matrix, _ arena: Arena) -> UnsafePointer<UInt16> {
        let rounded = arena.bytes(x.rows * x.columns, of: UInt16.self).pointer
        for row in 0..<x.rows { BFloat16.round(x.row(row), into: rounded + row * x.columns) }
        let result = arena.bytes(d3_bf16_weight_count(x.rows, x.columns), of: UInt16.self).pointer
        d3_bf16_pack_weight(rounded, x.columns, x.rows, x.columns, result, 0, d3_product_bands(x.rows))
        return UnsafePointer(result)
    }
}
