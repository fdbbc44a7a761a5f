import CKernels
import Testing

@testable import Numerics

/// Every form of the products with packed weights that this CPU can compute, against the code for any CPU.
@Suite struct PlainProductTests {
    /// The names of forms, best first.
    func names(_ name: (Int32) -> UnsafePointer<CChar>?) -> [String] {
        var names: [String] = []
        while let next = name(Int32(names.count)) { names.append(String(cString: next)) }
        return names
    }

    @Test("the best form is the one in use, and the last one is there on every CPU")
    func forms() {
        let (bfloat16, int8) = (names(d3_bf16_level_at), names(d3_int8_level_at))
        #expect(bfloat16.first == BFloat16Weight.level && bfloat16.last == "widened")
        #expect(int8.first == Int8Weight.level && int8.last == "widened")
        #expect(Kernels.level == "plain" || bfloat16.contains("AVX2") && int8.contains("AVX2"))
    }

    @Test(
        "bfloat16: widened to floats the sums are the same, by an instruction but for rounding",
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
        let names = names(d3_bf16_level_at)
        let results = names.indices.map { level in
            var y = [Float](repeating: 0, count: m * n)
            d3_bf16_product_at(Int32(level), left, m, k, weight, n, 0, bands, &sums, &y, n)
            return y
        }
        let plain = results[names.count - 1]
        for (name, result) in zip(names, results) {
            if name == "AVX2" || name == "AVX512_F" {
                #expect(result == plain)
            } else {
                let worst = zip(result, plain).map { abs($0 - $1) }.max() ?? 0
                #expect(worst < 1e-6 * Float(k).squareRoot(), "\(name)")
            }
        }
        var used = [Float](repeating: 0, count: m * n)
        d3_bf16_product(left, m, k, weight, n, 0, bands, false, &sums, &used, n)
        #expect(used == results[0])
    }

    @Test("8-bit integers: all forms give the same", arguments: ProductTests.shapes)
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
        var used = [Float](repeating: 0, count: m * n)
        d3_int8_product(left, scales, m, k, weight, ones, rowSums, n, 0, bands, &sums, &used, n)
        for (level, name) in names(d3_int8_level_at).enumerated() {
            var y = [Float](repeating: 0, count: m * n)
            d3_int8_product_at(
                Int32(level), left, scales, m, k, weight, ones, rowSums, n, 0, bands, &sums, &y, n)
            #expect(y == used, "\(name)")
        }
    }
}
