internal import CKernels

/// How the weights of linear layers are kept, and what their inputs are rounded to.
public enum WeightPrecision: String, Sendable, Hashable, CaseIterable {
    /// 32-bit floats: exact against the recorded cases.
    case float32
    /// Weights and inputs in bfloat16, sums in 32-bit floats.
    case bfloat16
    /// Weights and inputs in 8-bit integers with a scale per row, sums in 32-bit integers.
    case int8
}

/// The weight of a linear layer (N × K), a table of embeddings, or a vector of a norm.
public enum Weight: Sendable {
    case float32(Matrix)
    /// For looking up rows only: products need it packed.
    case rows(BFloat16Rows)
    case bfloat16(BFloat16Weight)
    case int8(Int8Weight)
    /// Of a layer that isn't trained, as it is stored.
    case frozen(FrozenWeight)

    /// N.
    public var rows: Int {
        switch self {
        case .float32(let matrix): matrix.rows
        case .rows(let rows): rows.rows
        case .bfloat16(let weight): weight.rows
        case .int8(let weight): weight.rows
        case .frozen(let weight): weight.rows
        }
    }

    /// The 32-bit floats; a mistake to ask for where the weight is kept in less.
    public var matrix: Matrix {
        guard case .float32(let matrix) = self else {
            preconditionFailure("a weight of \(rows) rows is not kept in 32-bit floats")
        }
        return matrix
    }

    /// Copies one row, widened.
    public func copy(row: Int, into out: UnsafeMutablePointer<Float>) {
        switch self {
        case .float32(let matrix):
            precondition(row >= 0 && row < matrix.rows, "row \(row) of \(matrix.rows)")
            out.update(from: matrix.pointer + row * matrix.stride, count: matrix.columns)
        case .rows(let rows): rows.widen(row: row, into: out)
        case .frozen(let weight): weight.copy(row: row, into: out)
        case .bfloat16, .int8: preconditionFailure("rows of a packed weight can't be looked up")
        }
    }

    /// `x` in the form that products with this weight need.
    public func input(_ x: Matrix, _ arena: Arena, threads: Int = 1) -> LinearInput {
        switch self {
        case .float32: .float32(x)
        case .bfloat16: .bfloat16(PackedBFloat16(x, arena, threads: threads))
        case .int8: .int8(PackedInt8(x, arena, threads: threads))
        case .frozen(let weight):
            switch weight.products {
            case .float32: .float32(x)
            case .bfloat16: .bfloat16(PackedBFloat16(x, arena, threads: threads))
            }
        case .rows: preconditionFailure("a table of rows has no products")
        }
    }

    /// `y = x · weightᵀ`: y is M × N, x what ``input(_:_:threads:)`` of a weight of the same precision made.
    ///
    /// The result depends on neither the number of threads nor the other rows of x.
    public func multiply(_ x: LinearInput, into y: MutableMatrix, _ arena: Arena, threads: Int = 1) {
        let mark = arena.mark
        defer { arena.release(to: mark) }
        switch (self, x) {
        case (.float32(let weight), .float32(let x)):
            Self.multiply(x, weight, into: y, threads: threads)
        case (.bfloat16(let weight), .bfloat16(let x)):
            precondition(
                x.columns == weight.columns && y.rows == x.rows && y.columns == weight.rows, "shapes that fit"
            )
            inBands(weight.bands, arena, threads: threads) {
                weight.multiply(x, bands: $0, into: y, sums: $1)
            }
        case (.int8(let weight), .int8(let x)):
            precondition(
                x.columns == weight.columns && y.rows == x.rows && y.columns == weight.rows, "shapes that fit"
            )
            inBands(weight.bands, arena, threads: threads) {
                weight.multiply(x, bands: $0, into: y, sums: $1)
            }
        case (.frozen(let weight), let x): weight.multiply(x, into: y, arena, threads: threads)
        default: preconditionFailure("the inputs aren't in the weight's precision")
        }
    }

    /// Hands out bands of columns with a worker's scratch.
    private func inBands(
        _ bands: Int, _ arena: Arena, threads: Int,
        _ body: @Sendable (Range<Int>, UnsafeMutablePointer<Float>) -> Void
    ) {
        let workers = max(1, min(threads, bands))
        let sums = SendablePointer(arena.matrix(workers, ProductScratch.count).pointer)
        // A few pieces per worker even out what else runs on the machine; each begins with a cold cache.
        let pieces = workers == 1 ? 1 : min(bands, workers * 4)
        Threads.parallelFor(pieces, workers: workers) { worker, piece in
            body(
                bands * piece / pieces..<bands * (piece + 1) / pieces,
                sums.pointer + worker * ProductScratch.count)
        }
    }

    private static func multiply(_ x: Matrix, _ weight: Matrix, into y: MutableMatrix, threads: Int) {
        // Below this a thread costs more than it saves.
        let pieces = min(threads, x.rows * weight.rows * weight.columns / 2_000_000)
        guard pieces > 1 else {
            BLAS.multiply(x, weight, transposeB: true, into: y)
            return
        }
        let step = (weight.rows / pieces + 31) / 32 * 32
        Threads.parallelFor((weight.rows + step - 1) / step, threads: threads) { (piece: Int) -> Void in
            let columns = piece * step..<min(weight.rows, (piece + 1) * step)
            BLAS.multiply(
                x, weight.slice(rows: columns), transposeB: true,
                into: y.slice(rows: 0..<y.rows, columns: columns))
        }
    }
}

/// Memory of one packed weight, in large pages where the system has them.
///
/// `@unchecked Sendable`: written by whoever packs the weight, before anything else sees it, and only read afterwards.
final class WeightMemory: @unchecked Sendable {
    let start: UnsafeMutableRawPointer
    let bytes: Int

    init(bytes: Int) {
        self.bytes = bytes
        let large = 1 << 21
        start = UnsafeMutableRawPointer.allocate(
            byteCount: max(bytes, 1), alignment: bytes >= large ? large : 64)
        if bytes >= large { d3_prefer_large_pages(start, bytes) }
    }

    deinit { start.deallocate() }
}

/// The inputs of linear layers (M × K) in the form that the layers' weights ask for, made once for all that share them.
public enum LinearInput: Sendable {
    case float32(Matrix)
    case bfloat16(PackedBFloat16)
    case int8(PackedInt8)

    /// M.
    public var rows: Int {
        switch self {
        case .float32(let matrix): matrix.rows
        case .bfloat16(let packed): packed.rows
        case .int8(let packed): packed.rows
        }
    }
}

/// Inputs rounded to bfloat16, in tiles of rows.
///
/// `@unchecked Sendable`: complete when it is made, and only read afterwards. Valid as long as the arena that it was
/// made in isn't released.
public struct PackedBFloat16: @unchecked Sendable {
    let pointer: UnsafePointer<UInt16>
    let rows: Int
    let columns: Int

    init(_ x: Matrix, _ arena: Arena, threads: Int) {
        let count = d3_bf16_left_count(x.rows, x.columns)
        let out = arena.bytes(count, of: UInt16.self)
        Threads.parallelFor(d3_product_tiles(x.rows), threads: threads) { (tile: Int) -> Void in
            d3_bf16_pack_left(x.pointer, x.stride, x.rows, x.columns, out.pointer, tile, tile + 1)
        }
        pointer = UnsafePointer(out.pointer)
        rows = x.rows
        columns = x.columns
    }
}

/// Inputs quantised to 8 bits with one scale per row, in tiles of rows.
///
/// `@unchecked Sendable`: as ``PackedBFloat16``.
public struct PackedInt8: @unchecked Sendable {
    let pointer: UnsafePointer<UInt8>
    let scales: UnsafePointer<Float>
    let rows: Int
    let columns: Int

    init(_ x: Matrix, _ arena: Arena, threads: Int) {
        let count = d3_int8_left_count(x.rows, x.columns)
        let out = arena.bytes(count, of: UInt8.self)
        let scratch = arena.bytes(count, of: Int8.self)
        let scales = SendablePointer(arena.matrix(1, x.rows).pointer)
        Threads.parallelFor(d3_product_tiles(x.rows), threads: threads) { (tile: Int) -> Void in
            d3_int8_pack_left(
                x.pointer, x.stride, x.rows, x.columns, scratch.pointer, out.pointer, scales.pointer, tile,
                tile + 1)
        }
        pointer = UnsafePointer(out.pointer)
        self.scales = UnsafePointer(scales.pointer)
        rows = x.rows
        columns = x.columns
    }
}

extension Arena {
    /// Memory for `count` elements of another type than float; valid like the arena's matrices.
    func bytes<Element>(_ count: Int, of: Element.Type) -> SendablePointer<Element> {
        let floats = (count * MemoryLayout<Element>.stride + 3) / 4
        let start = UnsafeMutableRawPointer(matrix(1, floats).pointer)
        // Trivial types only: nothing is ever deinitialised, and the next user writes before it reads.
        return SendablePointer(start.assumingMemoryBound(to: Element.self))
    }
}

/// Where one worker keeps the sums of a product.
enum ProductScratch {
    /// Elements of 32 bits.
    static let count = Int(D3_BLOCK) * Int(D3_BAND)
}
