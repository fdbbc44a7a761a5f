import Testing

@testable import Numerics

@Suite struct BLASTests {
    @Test(
        "products with every transposition, strides and accumulation", arguments: [false, true],
        [false, true])
    func products(transposeA: Bool, transposeB: Bool) throws {
        try BLAS.load()
        let (m, n, k) = (5, 7, 11)
        let a = Matrix(
            rows: transposeA ? k : m, columns: transposeA ? m : k, elements: numbers(m * k, seed: 1))
        let wide = Matrix(
            rows: transposeB ? n : k, columns: (transposeB ? k : n) + 3,
            elements: numbers((transposeB ? n * (k + 3) : k * (n + 3)), seed: 2))
        let b = wide.slice(rows: 0..<wide.rows, columns: 2..<(wide.columns - 1))
        let c = MutableMatrix(zeros: m, n)
        c.fill(1)
        BLAS.multiply(
            a, b, transposeA: transposeA, transposeB: transposeB, into: c, scale: 2, accumulate: true)
        for i in 0..<m {
            for j in 0..<n {
                var sum = 1.0
                for l in 0..<k {
                    sum += 2 * Double(transposeA ? a[l, i] : a[i, l]) * Double(transposeB ? b[j, l] : b[l, j])
                }
                #expect(abs(Double(c[i, j]) - sum) < 1e-5)
            }
        }
    }

    @Test("the kernels chosen are those for this CPU")
    func core() throws {
        let information = try BLAS.load()
        if let requested = information.requested { #expect(information.core == requested) }
    }
}
