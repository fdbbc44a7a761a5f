import CKernels
import Testing

@testable import Numerics

/// The products for CPUs without the instructions, against those of this one.
@Suite struct PlainProductTests {
    @Test(
        "bfloat16 without its instruction gives the same sums but for rounding",
        arguments: ProductTests.shapes)
    func bfloat16(shape: (Int, Int, Int)) {
        let (m, n, k) = shape
        let halves = (0..<n * k).map { UInt16(truncatingIfNeeded: $0 &* 40_503) & 0x80FF | 0x3C00 }
        var weight = [UInt16](repeating: 0, count: d3_bf16_weight_count(n, k))
        var left = [UInt16](repeating: 0, count: d3_bf16_left_count(m, k))
        let bands = d3_product_bands(n)
        d3_bf16_pack_weight(halves, k, n, k, &weight, 0, bands)
        d3_bf16_pack_left(numbers(m * k), k, m, k, &left, 0, d3_product_tiles(m))
        var sums = [Float](repeating: 0, count: ProductScratch.count)
        var (fast, plain) = ([Float](repeating: 0, count: m * n), [Float](repeating: 0, count: m * n))
        d3_bf16_product(left, m, k, weight, n, 0, bands, false, &sums, &fast, n)
        d3_bf16_product_plain(left, m, k, weight, n, 0, bands, &sums, &plain, n)
        let worst = zip(fast, plain).map { abs($0 - $1) }.max() ?? 0
        #expect(worst < 1e-6 * Float(k).squareRoot())
    }

    @Test("8-bit integers without their instruction give the same", arguments: ProductTests.shapes)
    func int8(shape: (Int, Int, Int)) {
        let (m, n, k) = shape
        let bytes = (0..<n * k).map { Int8(truncatingIfNeeded: $0 &* 40_503) }
        var weight = [Int8](repeating: 0, count: d3_int8_weight_count(n, k))
        var left = [UInt8](repeating: 0, count: d3_int8_left_count(m, k))
        var scratch = [Int8](repeating: 0, count: left.count)
        var scales = [Float](repeating: 0, count: m)
        let bands = d3_product_bands(n)
        d3_int8_pack_weight(bytes, k, n, k, &weight, 0, bands)
        d3_int8_pack_left(numbers(m * k), k, m, k, &scratch, &left, &scales, 0, d3_product_tiles(m))
        let rowSums = (0..<n).map { row in bytes[row * k..<(row + 1) * k].reduce(0) { $0 + Int32($1) } }
        let ones = [Float](repeating: 1, count: n)
        var sums = [Int32](repeating: 0, count: ProductScratch.count)
        var (fast, plain) = ([Float](repeating: 0, count: m * n), [Float](repeating: 0, count: m * n))
        d3_int8_product(left, scales, m, k, weight, ones, rowSums, n, 0, bands, &sums, &fast, n)
        d3_int8_product_plain(left, scales, m, k, weight, ones, rowSums, n, 0, bands, &sums, &plain, n)
        #expect(fast == plain)
    }
}
