internal import CKernels

/// The weight of a linear layer (N × K) that isn't trained, as a file or memory holds it: products in both directions
/// widen or pack one band of it at a time, so that there is no second copy, nor one of its transpose.
///
/// With products in 32-bit floats the results are those of a weight of the same numbers in 32-bit floats, bit for bit.
public struct FrozenWeight: Sendable {
    /// Where the numbers are.
    public enum Numbers: Sendable {
        case float32(Matrix)
        case bfloat16(BFloat16Rows)
        case int8(Int8Rows)
    }

    /// What products are computed in.
    public enum Products: Sendable {
        /// 32-bit floats.
        case float32
        /// Inputs, and weights that aren't so already, rounded to bfloat16, sums in 32-bit floats. Scales of rows of 8 bits
        /// stay outside of the products, whose weights are then exact.
        case bfloat16
    }

    public let numbers: Numbers
    public let products: Products

    public init(_ numbers: Numbers, products: Products = .float32) {
        self.numbers = numbers
        self.products = products
    }

    /// The same numbers for other products.
    public func computing(in products: Products) -> FrozenWeight { FrozenWeight(numbers, products: products) }

    /// N, outputs.
    public var rows: Int {
        switch numbers {
        case .float32(let matrix): matrix.rows
        case .bfloat16(let rows): rows.rows
        case .int8(let rows): rows.rows
        }
    }

    /// K, inputs.
    public var columns: Int {
        switch numbers {
        case .float32(let matrix): matrix.columns
        case .bfloat16(let rows): rows.columns
        case .int8(let rows): rows.columns
        }
    }

    /// A scale for each output, which the numbers lack; nil where they are the weights themselves.
    private var scales: FloatBuffer? {
        if case .int8(let rows) = numbers { rows.scales } else { nil }
    }

    /// The weights in 32-bit floats: where they lie if they are such, else in new memory.
    public func widened() -> Matrix {
        if case .float32(let matrix) = numbers { return matrix }
        let result = MutableMatrix(zeros: rows, columns)
        for row in 0..<rows { copy(row: row, into: result.pointer + row * columns) }
        return result.view
    }

    // MARK: Forward

    /// `y = x · weightᵀ`: y is M × N, x in the form of ``products``.
    ///
    /// The result depends on neither the number of threads nor the other rows of x.
    func multiply(_ x: LinearInput, into y: MutableMatrix, _ arena: Arena, threads: Int) {
        precondition(y.rows == x.rows && y.columns == rows, "shapes that fit")
        switch x {
        case .float32(let x):
            precondition(x.columns == columns, "shapes that fit")
            let scratch = Scratch<Float>(arena, wideCount(columns), count: workers(of: rows, threads))
            bands(of: rows, threads) { worker, band in
                let part = y.slice(rows: 0..<y.rows, columns: band)
                BLAS.multiply(
                    x, rows(band, scratch, worker: worker), transposeB: true, into: part)
                scale(part, band)
            }
        case .bfloat16(let x):
            precondition(x.columns == columns, "shapes that fit")
            let count = workers(of: rows, threads)
            let packed = Scratch<UInt16>(arena, d3_bf16_weight_count(Self.width, columns), count: count)
            let rounded = Scratch<UInt16>(arena, roundedCount(columns), count: count)
            let sums = Scratch<Float>(arena, ProductScratch.count, count: count)
            bands(of: rows, threads) { worker, band in
                let part = y.slice(rows: 0..<y.rows, columns: band)
                let (from, stride) = halves(band, columns: 0..<columns, rounded[worker])
                d3_bf16_pack_weight(from, stride, band.count, columns, packed[worker], 0, 1)
                d3_bf16_product(
                    x.pointer, x.rows, columns, packed[worker], band.count, 0, 1, false, sums[worker],
                    part.pointer, part.stride)
                scale(part, band)
            }
        case .int8: preconditionFailure("the inputs aren't in the form of the weight's products")
        }
    }

    // MARK: Backward

    /// `dx = dy · weight`, or `dx += …`: the gradient of the inputs of `y = x · weightᵀ`; dy is M × N, dx M × K.
    ///
    /// The result depends on neither the number of threads nor the other rows of dy.
    public func multiplyTransposed(
        _ dy: Matrix, into dx: MutableMatrix, accumulate: Bool = false, _ arena: Arena, threads: Int = 1
    ) {
        precondition(
            dy.columns == rows && dx.rows == dy.rows && dx.columns == columns, "shapes that fit")
        let mark = arena.mark
        defer { arena.release(to: mark) }
        let dy = scaled(dy, arena)
        let count = workers(of: columns, threads)
        switch products {
        case .float32:
            let scratch = Scratch<Float>(arena, wideCount(rows), count: count)
            bands(of: columns, threads) { worker, band in
                BLAS.multiply(
                    dy, columns(band, scratch, worker: worker),
                    into: dx.slice(rows: 0..<dx.rows, columns: band), accumulate: accumulate)
            }
        case .bfloat16:
            let left = PackedBFloat16(dy, arena, threads: threads)
            let packed = Scratch<UInt16>(arena, d3_bf16_weight_count(Self.width, rows), count: count)
            let rounded = Scratch<UInt16>(arena, roundedCount(rows), count: count)
            let sums = Scratch<Float>(arena, ProductScratch.count, count: count)
            bands(of: columns, threads) { worker, band in
                let part = dx.slice(rows: 0..<dx.rows, columns: band)
                let (from, stride) = halves(0..<rows, columns: band, rounded[worker])
                d3_bf16_pack_transposed(from, stride, band.count, rows, packed[worker])
                d3_bf16_product(
                    left.pointer, left.rows, rows, packed[worker], band.count, 0, 1, accumulate,
                    sums[worker], part.pointer, part.stride)
            }
        }
    }

    // MARK: Bands

    /// Columns of a result that are computed at a time.
    private static let width = Int(D3_BAND)

    private func workers(of columns: Int, _ threads: Int) -> Int {
        max(1, min(threads, (columns + Self.width - 1) / Self.width))
    }

    private func bands(of columns: Int, _ threads: Int, _ body: @Sendable (Int, Range<Int>) -> Void) {
        let count = (columns + Self.width - 1) / Self.width
        Threads.parallelFor(count, workers: workers(of: columns, threads)) { worker, band in
            body(worker, band * Self.width..<min(columns, (band + 1) * Self.width))
        }
    }

    /// What a worker needs to round a band before it packs it: nothing where the numbers lie ready.
    private func roundedCount(_ depth: Int) -> Int {
        if case .bfloat16 = numbers { 0 } else { Self.width * depth }
    }

    /// The same for a band in 32-bit floats.
    private func wideCount(_ depth: Int) -> Int {
        if case .float32 = numbers { 0 } else { Self.width * depth }
    }

    /// Some rows as a matrix of 32-bit floats, without scales.
    private func rows(_ band: Range<Int>, _ scratch: Scratch<Float>, worker: Int) -> Matrix {
        if case .float32(let matrix) = numbers { return matrix.slice(rows: band) }
        widen(band, columns: 0..<columns, into: scratch[worker])
        return Matrix(
            owner: scratch.owner, pointer: scratch[worker], rows: band.count, columns: columns,
            stride: columns)
    }

    /// Some columns as a matrix of 32-bit floats, without scales.
    private func columns(_ band: Range<Int>, _ scratch: Scratch<Float>, worker: Int) -> Matrix {
        if case .float32(let matrix) = numbers { return matrix.slice(rows: 0..<rows, columns: band) }
        widen(0..<rows, columns: band, into: scratch[worker])
        return Matrix(
            owner: scratch.owner, pointer: scratch[worker], rows: rows, columns: band.count,
            stride: band.count)
    }

    private func widen(_ rows: Range<Int>, columns: Range<Int>, into out: UnsafeMutablePointer<Float>) {
        for (i, row) in rows.enumerated() {
            let (to, start) = (out + i * columns.count, row * self.columns + columns.lowerBound)
            switch numbers {
            case .float32(let matrix):
                to.update(
                    from: matrix.pointer + row * matrix.stride + columns.lowerBound, count: columns.count)
            case .bfloat16(let source): d3_bf16_to_f32(source.pointer + start, to, columns.count)
            case .int8(let source): d3_int8_to_f32(source.pointer + start, to, columns.count)
            }
        }
    }

    /// A rectangle in bfloat16, without scales: where it lies, or rounded into `scratch`; and its distance from row to row.
    private func halves(
        _ rows: Range<Int>, columns: Range<Int>, _ scratch: UnsafeMutablePointer<UInt16>
    ) -> (UnsafePointer<UInt16>, Int) {
        if case .bfloat16(let source) = numbers {
            return (source.pointer + rows.lowerBound * source.columns + columns.lowerBound, source.columns)
        }
        for (i, row) in rows.enumerated() {
            let to = scratch + i * columns.count
            switch numbers {
            case .float32(let matrix):
                d3_f32_to_bf16(
                    matrix.pointer + row * matrix.stride + columns.lowerBound, to, columns.count)
            case .int8(let source):
                d3_int8_to_bf16(
                    source.pointer + row * source.columns + columns.lowerBound, to, columns.count)
            case .bfloat16: break
            }
        }
        return (UnsafePointer(scratch), columns.count)
    }

    // MARK: Scales

    private func scale(_ y: MutableMatrix, _ band: Range<Int>) {
        guard let scales else { return }
        for row in 0..<y.rows {
            let to = y.pointer + row * y.stride
            for (j, column) in band.enumerated() { to[j] *= scales.pointer[column] }
        }
    }

    /// dy (M × N) times the scale of each output.
    private func scaled(_ dy: Matrix, _ arena: Arena) -> Matrix {
        guard let scales else { return dy }
        let result = arena.matrix(dy.rows, dy.columns)
        for row in 0..<dy.rows {
            let (from, to) = (dy.pointer + row * dy.stride, result.pointer + row * result.stride)
            for column in 0..<dy.columns { to[column] = from[column] * scales.pointer[column] }
        }
        return result.view
    }

    /// Memory for each of some workers, from an arena.
    ///
    /// `@unchecked Sendable`: a worker's part is its own.
    private struct Scratch<Element>: @unchecked Sendable {
        private let start: UnsafeMutablePointer<Element>
        private let size: Int
        let owner: AnyObject

        init(_ arena: Arena, _ size: Int, count: Int) {
            // Each begins a cache line.
            let line = 64 / MemoryLayout<Element>.stride
            self.size = (size + line - 1) / line * line
            let floats = (self.size * count * MemoryLayout<Element>.stride + 3) / 4
            let memory = arena.matrix(1, floats)
            owner = memory.owner
            start = UnsafeMutableRawPointer(memory.pointer).assumingMemoryBound(to: Element.self)
        }

        subscript(worker: Int) -> UnsafeMutablePointer<Element> { start + worker * size }
    }
}

/// Rows of 8-bit integers with one scale each: row n holds round(w / s) with s = max|w| / 127, one row after another.
///
/// `@unchecked Sendable`: written before anything else sees it, and only read afterwards.
public struct Int8Rows: @unchecked Sendable {
    public let rows: Int
    public let columns: Int
    /// One for each row.
    let scales: FloatBuffer
    private let memory: WeightMemory

    /// Element (0, 0).
    var pointer: UnsafePointer<Int8> { UnsafePointer(memory.start.assumingMemoryBound(to: Int8.self)) }

    /// Quantises weights.
    public init(quantizing weight: FrozenWeight, threads: Int = 1) {
        rows = weight.rows
        columns = weight.columns
        scales = FloatBuffer(uninitialized: rows)
        memory = WeightMemory(bytes: rows * columns)
        let out = SendablePointer(memory.start.assumingMemoryBound(to: Int8.self))
        let (scales, columns) = (SendablePointer(scales.pointer), columns)
        let piece = 64
        Threads.parallelFor((rows + piece - 1) / piece, threads: threads) { [rows] (i: Int) -> Void in
            let wide = UnsafeMutablePointer<Float>.allocate(capacity: columns)
            defer { wide.deallocate() }
            for row in i * piece..<min(rows, (i + 1) * piece) {
                weight.copy(row: row, into: wide)
                scales.pointer[row] = d3_int8_quantize(wide, columns, out.pointer + row * columns)
            }
        }
    }
}

extension FrozenWeight {
    /// Copies one row, widened.
    func copy(row: Int, into out: UnsafeMutablePointer<Float>) {
        precondition(row >= 0 && row < rows, "row \(row) of \(rows)")
        switch numbers {
        case .float32(let matrix):
            out.update(from: matrix.pointer + row * matrix.stride, count: columns)
        case .bfloat16(let source): source.widen(row: row, into: out)
        case .int8(let source):
            d3_int8_to_f32(source.pointer + row * columns, out, columns)
            Kernels.scale(
                UnsafeMutableBufferPointer(start: out, count: columns), by: source.scales.pointer[row])
        }
    }
}
