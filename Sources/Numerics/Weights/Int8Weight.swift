internal import CKernels

/// The weight of a linear layer (N × K) in 8-bit integers with one scale per output, packed for products.
///
/// Row n holds round(w / s) with s = max|w| / 127; the inputs are quantised in the same way, row by row, when they
/// come. Sums are exact in 32-bit integers.
public struct Int8Weight: Sendable {
    /// N, outputs.
    public let rows: Int
    /// K, inputs.
    public let columns: Int
    private let memory: WeightMemory
    private let scales: FloatBuffer
    /// The sum of each row, as 32-bit integers.
    private let rowSums: WeightMemory

    /// What computes the products on this CPU.
    public static var level: String { String(cString: d3_int8_level()) }

    /// Quantises weights that a file holds as bfloat16.
    public init(_ weight: BFloat16Rows, threads: Int = 1) {
        self.init(rows: weight.rows, columns: weight.columns, threads: threads) {
            weight.widen(row: $0, into: $1)
        }
    }

    /// Quantises 32-bit weights.
    public init(quantizing weight: Matrix, threads: Int = 1) {
        self.init(rows: weight.rows, columns: weight.columns, threads: threads) {
            $1.update(from: weight.pointer + $0 * weight.stride, count: weight.columns)
        }
    }

    private init(
        rows: Int, columns: Int, threads: Int, read: @Sendable (Int, UnsafeMutablePointer<Float>) -> Void
    ) {
        self.rows = rows
        self.columns = columns
        memory = WeightMemory(bytes: d3_int8_weight_count(rows, columns))
        scales = FloatBuffer(uninitialized: rows)
        rowSums = WeightMemory(bytes: rows * 4)
        let packed = SendablePointer(memory.start.assumingMemoryBound(to: Int8.self))
        let sums = SendablePointer(rowSums.start.assumingMemoryBound(to: Int32.self))
        let scales = SendablePointer(scales.pointer)
        let band = Int(D3_BAND)
        Threads.parallelFor(bands, threads: threads) { (index: Int) -> Void in
            let first = index * band
            let count = min(band, rows - first)
            let wide = UnsafeMutablePointer<Float>.allocate(capacity: columns)
            let quantized = UnsafeMutablePointer<Int8>.allocate(capacity: count * columns)
            defer {
                wide.deallocate()
                quantized.deallocate()
            }
            for row in 0..<count {
                let out = quantized + row * columns
                read(first + row, wide)
                scales.pointer[first + row] = d3_int8_quantize(wide, columns, out)
                sums.pointer[first + row] = d3_int8_sum(out, columns)
            }
            // The packer counts rows from the weight's start.
            d3_int8_pack_weight(
                quantized - first * columns, columns, rows, columns, packed.pointer, index, index + 1)
        }
    }

    /// Bands of columns of the result that can be computed apart.
    var bands: Int { d3_product_bands(rows) }
    /// Bytes of memory.
    var bytes: Int { memory.bytes + rowSums.bytes + scales.count * 4 }

    /// The bands `range` of y = x · weightᵀ; `sums` is scratch of one worker.
    func multiply(
        _ x: PackedInt8, bands range: Range<Int>, into y: MutableMatrix, sums: UnsafeMutablePointer<Float>
    ) {
        sums.withMemoryRebound(to: Int32.self, capacity: ProductScratch.count) { sums in
            d3_int8_product(
                x.pointer, x.scales, x.rows, columns, memory.start.assumingMemoryBound(to: Int8.self),
                scales.pointer, rowSums.start.assumingMemoryBound(to: Int32.self), rows, range.lowerBound,
                range.upperBound, sums, y.pointer, y.stride)
        }
    }
}
