import Testing

@testable import Numerics

/// The project's own products against sums in double precision.
@Suite struct ProductTests {
    /// Sizes around the edges of tiles, panels, chunks and bands.
    static let shapes = [
        (1, 1, 1), (12, 32, 64), (13, 33, 65), (11, 31, 448), (25, 300, 449), (7, 257, 900), (3, 256, 1025),
        (40, 40, 40), (250, 33, 5), (64, 96, 96),
    ]

    @Test(
        "32-bit products with every transposition and accumulation", arguments: shapes,
        [(false, false), (false, true), (true, false), (true, true)])
    func float32(shape: (Int, Int, Int), transposed: (Bool, Bool)) throws {
        try BLAS.load()
        let (m, n, k) = shape
        let a = transposed.0 ? random(k, m, seed: 1) : random(m, k, seed: 1)
        let b = transposed.1 ? random(n, k, seed: 2) : random(k, n, seed: 2)
        let start = random(m, n, seed: 3)
        let c = MutableMatrix(zeros: m, n)
        c.copy(from: start)
        BLAS.multiply(
            a, b, transposeA: transposed.0, transposeB: transposed.1, into: c, scale: 0.5, accumulate: true)
        for (i, j) in places(m, n) {
            var sum = Double(start[i, j])
            for l in 0..<k {
                sum +=
                    0.5 * Double(transposed.0 ? a[l, i] : a[i, l])
                    * Double(transposed.1 ? b[j, l] : b[l, j])
            }
            #expect(abs(Double(c[i, j]) - sum) < 2e-5 * Double(k).squareRoot(), "(\(i), \(j)) of \(shape)")
        }
    }

    @Test("bfloat16: inputs and weights rounded, sums as exact as 32 bits allow", arguments: shapes)
    func bfloat16(shape: (Int, Int, Int)) {
        let (m, n, k) = shape
        let x = random(m, k, seed: 4)
        let w = random(n, k, seed: 5)
        let y = product(x, .bfloat16(BFloat16Weight(rounding: w)))
        for (i, j) in places(m, n) {
            var sum = 0.0
            for l in 0..<k { sum += Double(rounded(x[i, l])) * Double(rounded(w[j, l])) }
            #expect(abs(Double(y[i, j]) - sum) < 1e-5 * Double(k).squareRoot(), "(\(i), \(j)) of \(shape)")
        }
    }

    @Test("8 bits: sums are exact, the only error is that of the rounding", arguments: shapes)
    func int8(shape: (Int, Int, Int)) {
        let (m, n, k) = shape
        let x = random(m, k, seed: 6)
        let w = random(n, k, seed: 7)
        let y = product(x, .int8(Int8Weight(quantizing: w)))
        for (i, j) in places(m, n) {
            let (left, leftScale) = quantized(x, i)
            let (right, rightScale) = quantized(w, j)
            let sum = zip(left, right).reduce(0) { $0 + $1.0 * $1.1 }
            let expected = Float(sum) * (leftScale * rightScale)
            #expect(abs(y[i, j] - expected) <= 1e-6 * abs(expected), "(\(i), \(j)) of \(shape)")
        }
    }

    @Test(
        "a row's result depends on neither the rows beside it nor the threads",
        arguments: WeightPrecision.allCases)
    func batchInvariance(precision: WeightPrecision) throws {
        try BLAS.load()
        let (n, k) = (1500, 1400)
        let x = random(67, k, seed: 8)
        let w = random(n, k, seed: 9)
        let weight: Weight =
            switch precision {
            case .float32: .float32(w)
            case .bfloat16: .bfloat16(BFloat16Weight(rounding: w))
            case .int8: .int8(Int8Weight(quantizing: w))
            }
        let all = product(x, weight).elements
        #expect(product(x, weight, threads: 2).elements == all)
        #expect(product(x, weight, threads: 5).elements == all)
        for rows in [0..<1, 3..<17, 20..<67] {
            let part = product(x.slice(rows: rows), weight).elements
            #expect(part == Array(all[rows.lowerBound * n..<rows.upperBound * n]), "rows \(rows)")
        }
    }

    @Test("rows of zeros and the largest magnitudes survive quantisation")
    func extremes() {
        let x = Matrix(rows: 2, columns: 4, elements: [0, 0, 0, 0, 3e37, -3e37, 0, 1])
        let w = Matrix(rows: 2, columns: 4, elements: [0, 0, 0, 0, 1, -1, 1, 1])
        let y = product(x, .int8(Int8Weight(quantizing: w))).elements
        #expect(y[0...2] == [0, 0, 0])
        #expect(abs(y[3] / 6e37 - 1) < 1e-5)
    }

    @Test(
        "a value that is not finite shows in the results of its row and in no other",
        arguments: [Float.nan, -.nan, Float(bitPattern: 0x7FFF_FFFF), .infinity])
    func notFinite(value: Float) {
        let x = Matrix(rows: 3, columns: 3, elements: [1, 2, 3, 1, value, 3, 0, 1, 0])
        let w = Matrix(rows: 2, columns: 3, elements: [1, 0, 1, 1, 1, 1])
        for weight in [Weight.bfloat16(BFloat16Weight(rounding: w)), .int8(Int8Weight(quantizing: w))] {
            let y = product(x, weight).elements
            #expect(!y[3].isFinite)
            #expect(abs(y[0] - 4) < 0.1 && abs(y[1] - 6) < 0.1 && abs(y[5] - 1) < 0.1)
        }
        let broken = Matrix(rows: 1, columns: 3, elements: [1, value, 1])
        #expect(!product(w, .bfloat16(BFloat16Weight(rounding: broken))).elements[1].isFinite)
        #expect(product(w, .int8(Int8Weight(quantizing: broken))).elements[0].isNaN)
    }

    @Test("the smallest magnitudes count as 0 in 8 bits")
    func denormals() {
        let tiny = Matrix(
            rows: 1, columns: 2, elements: [.leastNonzeroMagnitude, -.leastNormalMagnitude / 16])
        let w = Matrix(rows: 1, columns: 2, elements: [1, 1])
        #expect(product(tiny, .int8(Int8Weight(quantizing: w))).elements == [0])
    }

    private func product(_ x: Matrix, _ weight: Weight, threads: Int = 1) -> Matrix {
        let y = MutableMatrix(zeros: x.rows, weight.rows)
        let arena = Arena()
        weight.multiply(weight.input(x, arena, threads: threads), into: y, arena, threads: threads)
        return y.view
    }

    private func random(_ rows: Int, _ columns: Int, seed: UInt64) -> Matrix {
        Matrix(rows: rows, columns: columns, elements: numbers(rows * columns, seed: seed))
    }

    /// Corners and a spread of other places.
    private func places(_ m: Int, _ n: Int) -> [(Int, Int)] {
        [(0, 0), (m - 1, 0), (0, n - 1), (m - 1, n - 1)]
            + (0..<60).map { ($0 * 7919 % m, $0 * 104_729 % n) }
    }

    private func rounded(_ value: Float) -> Float {
        let bits = value.bitPattern
        return Float(bitPattern: (bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF_0000)
    }

    private func quantized(_ matrix: Matrix, _ row: Int) -> ([Int], Float) {
        let largest = matrix.row(row).map(abs).max() ?? 0
        let inverse = largest > 0 ? 127 / largest : 0
        return (matrix.row(row).map { Int(($0 * inverse).rounded(.toNearestOrEven)) }, largest / 127)
    }
}
