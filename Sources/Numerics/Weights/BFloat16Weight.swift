internal import CKernels

/// The weight of a linear layer (N × K) in bfloat16, packed for products.
public struct BFloat16Weight: Sendable {
    /// N, outputs.
    public let rows: Int
    /// K, inputs.
    public let columns: Int
    private let memory: WeightMemory

    /// What computes the products on this CPU.
    public static var level: String { String(cString: d3_bf16_level()) }

    /// Packs weights that a file holds as bfloat16: the same numbers in another order.
    public init(_ weight: BFloat16Rows, threads: Int = 1) {
        self.init(rows: weight.rows, columns: weight.columns)
        let out = packed
        let source = weight
        Threads.parallelFor(bands, threads: threads) { (band: Int) -> Void in
            d3_bf16_pack_weight(
                source.pointer, source.columns, source.rows, source.columns, out.pointer, band, band + 1)
        }
    }

    /// Rounds 32-bit weights to the nearest bfloat16 and packs them.
    public init(rounding weight: Matrix, threads: Int = 1) {
        let buffer = RoundedRows(weight)
        self.init(
            BFloat16Rows(owner: buffer, pointer: buffer.pointer, rows: weight.rows, columns: weight.columns),
            threads: threads)
    }

    private init(rows: Int, columns: Int) {
        self.rows = rows
        self.columns = columns
        memory = WeightMemory(bytes: d3_bf16_weight_count(rows, columns) * 2)
    }

    /// Bands of columns of the result that can be computed apart.
    var bands: Int { d3_product_bands(rows) }
    /// Bytes of memory.
    var bytes: Int { memory.bytes }

    private var packed: SendablePointer<UInt16> {
        SendablePointer(memory.start.assumingMemoryBound(to: UInt16.self))
    }

    /// The bands `range` of y = x · weightᵀ; `sums` is scratch of one worker.
    func multiply(
        _ x: PackedBFloat16, bands range: Range<Int>, into y: MutableMatrix,
        sums: UnsafeMutablePointer<Float>
    ) {
        d3_bf16_product(
            x.pointer, x.rows, columns, packed.pointer, rows, range.lowerBound, range.upperBound, sums,
            y.pointer, y.stride)
    }
}

/// A pointer that parallel sections share; who writes where is theirs to keep apart.
struct SendablePointer<Element>: @unchecked Sendable {
    let pointer: UnsafeMutablePointer<Element>

    init(_ pointer: UnsafeMutablePointer<Element>) { self.pointer = pointer }
}

/// A rounded copy of a matrix, row by row.
private final class RoundedRows {
    let pointer: UnsafeMutablePointer<UInt16>

    init(_ matrix: Matrix) {
        pointer = UnsafeMutablePointer.allocate(capacity: max(1, matrix.rows * matrix.columns))
        for row in 0..<matrix.rows {
            BFloat16.round(matrix.row(row), into: pointer + row * matrix.columns)
        }
    }

    deinit { pointer.deallocate() }
}
