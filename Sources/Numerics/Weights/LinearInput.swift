internal import CKernels

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
