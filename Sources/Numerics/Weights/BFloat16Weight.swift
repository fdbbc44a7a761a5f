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
        self.init(rows: weight.rows, columns: weight.columns)
        let new = self
        Threads.parallelFor(bands, threads: threads) { (band: Int) -> Void in
            new.pack(band: band, rounding: weight)
        }
    }

    /// Room for a weight whose bands are packed one by one; nothing may be computed with it before.
    public init(rows: Int, columns: Int) {
        self.rows = rows
        self.columns = columns
        memory = WeightMemory(bytes: d3_bf16_weight_count(rows, columns) * 2)
    }

    /// Rounds one band of 32-bit weights (N × K) and packs it where it belongs.
    ///
    /// Copies of this value share the memory; nobody may compute with any of them meanwhile.
    public func pack(band: Int, rounding weight: Matrix) {
        precondition(
            weight.rows == rows && weight.columns == columns && band < bands,
            "a weight of this shape, and one of its bands")
        let range = range(of: band)
        let rounded = Scratch<UInt16>(range.count * columns)
        for (i, row) in range.enumerated() {
            BFloat16.round(weight.row(row), into: rounded.start + i * columns)
        }
        pack(band, rounded)
    }

    /// The same of the transpose of `weight` (K × N): for `dx = dy · weight`.
    public func pack(band: Int, roundingTransposeOf weight: Matrix) {
        precondition(
            weight.rows == columns && weight.columns == rows && band < bands,
            "a weight of this shape, and one of its bands")
        let range = range(of: band)
        let wide = Scratch<Float>(range.count * columns)
        let rounded = Scratch<UInt16>(range.count * columns)
        d3_transpose(
            weight.pointer + range.lowerBound, weight.stride, columns, range.count, wide.start, columns)
        d3_f32_to_bf16(wide.start, rounded.start, range.count * columns)
        pack(band, rounded)
    }

    private func range(of band: Int) -> Range<Int> {
        let width = Int(D3_BAND)
        return band * width..<min(rows, (band + 1) * width)
    }

    /// Packs the rows of one band, which lie one after another.
    private func pack(_ band: Int, _ rounded: Scratch<UInt16>) {
        // The packer counts rows from the weight's start.
        d3_bf16_pack_weight(
            rounded.start - band * Int(D3_BAND) * columns, columns, rows, columns, packed.pointer, band,
            band + 1)
    }

    /// Bands of columns of the result that can be computed, and packed, apart.
    public var bands: Int { d3_product_bands(rows) }
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
            x.pointer, x.rows, columns, packed.pointer, rows, range.lowerBound, range.upperBound,
            false, sums, y.pointer, y.stride)
    }
}

/// A pointer that parallel sections share; who writes where is theirs to keep apart.
struct SendablePointer<Element>: @unchecked Sendable {
    let pointer: UnsafeMutablePointer<Element>

    init(_ pointer: UnsafeMutablePointer<Element>) { self.pointer = pointer }
}

/// Memory that goes away with the function that needs it.
private final class Scratch<Element: BitwiseCopyable> {
    let start: UnsafeMutablePointer<Element>

    init(_ count: Int) { start = .allocate(capacity: max(1, count)) }

    deinit { start.deallocate() }
}

/// A read-only, row-major view of bfloat16 numbers as files hold them.
///
/// `@unchecked Sendable`: it only reads, and `owner` keeps the memory alive.
public struct BFloat16Rows: @unchecked Sendable {
    /// What keeps the memory alive.
    public let owner: AnyObject
    /// Element (0, 0); the upper halves of floats.
    public let pointer: UnsafePointer<UInt16>
    public let rows: Int
    public let columns: Int

    /// Rows that lie one after another in memory that `owner` keeps alive.
    public init(owner: AnyObject, pointer: UnsafePointer<UInt16>, rows: Int, columns: Int) {
        precondition(rows >= 0 && columns >= 0, "bad view \(rows)x\(columns)")
        self.owner = owner
        self.pointer = pointer
        self.rows = rows
        self.columns = columns
    }

    /// Widens one row to floats.
    public func widen(row: Int, into out: UnsafeMutablePointer<Float>) {
        precondition(row >= 0 && row < rows, "row \(row) of \(rows)")
        BFloat16.widen(
            pointer + row * columns, into: UnsafeMutableBufferPointer(start: out, count: columns))
    }
}

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
