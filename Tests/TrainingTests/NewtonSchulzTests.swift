import Numerics
import Testing

@testable import Training

@Suite struct NewtonSchulzTests {
    /// `count` orthonormal columns of length `rows`, by Gram–Schmidt in double precision.
    private func orthonormal(_ rows: Int, _ count: Int, seed: UInt64) -> [[Double]] {
        var stream = RandomStream(seed: seed, purpose: "orthonormal")
        var columns: [[Double]] = []
        while columns.count < count {
            var x = (0..<rows).map { _ in stream.nextNormal() }
            for _ in 0..<2 {
                for c in columns {
                    let dot = zip(x, c).reduce(0) { $0 + $1.0 * $1.1 }
                    for i in x.indices { x[i] -= dot * c[i] }
                }
            }
            let norm = x.reduce(0) { $0 + $1 * $1 }.squareRoot()
            columns.append(x.map { $0 / norm })
        }
        return columns
    }

    /// Five iterations take any relative singular value from 0.004 to 1 to 0.68...1.21 (by evaluating the quintic
    /// polynomial); the iteration isn't meant to come closer to 1.
    @Test(
        "singular vectors stay and singular values come near 1",
        arguments: [(12, 12), (8, 20), (20, 8), (1, 7), (7, 1), (1, 1)])
    func orthogonalizes(rows: Int, columns: Int) throws {
        try BLAS.load()
        let rank = min(rows, columns)
        let left = orthonormal(rows, rank, seed: 1)
        let right = orthonormal(columns, rank, seed: 2)
        // From 1 down to 0.02, times a scale that must not matter.
        let values = (0..<rank).map { 37 * Elementary.pow(0.02, Double($0) / Double(max(rank - 1, 1))) }
        let x = MutableMatrix(zeros: rows, columns)
        for r in 0..<rows {
            for c in 0..<columns {
                x[r, c] = Float((0..<rank).reduce(0.0) { $0 + left[$1][r] * values[$1] * right[$1][c] })
            }
        }
        let y = NewtonSchulz.orthogonalized(x, iterations: 5, Arena())
        #expect(y.rows == rows && y.columns == columns && y.isContiguous)
        // leftᵀ · y · right is the diagonal of the new singular values, nothing beside it, nothing lost.
        var squares = 0.0
        for i in 0..<rank {
            for j in 0..<rank {
                var value = 0.0
                for r in 0..<rows {
                    for c in 0..<columns { value += left[i][r] * Double(y[r, c]) * right[j][c] }
                }
                if i == j {
                    #expect(value > 0.68 && value < 1.21, "singular value \(i): \(value)")
                } else {
                    #expect(abs(value) < 2e-3, "(\(i), \(j)): \(value)")
                }
                squares += value * value
            }
        }
        let all = y.view.elements.reduce(0.0) { $0 + Double($1) * Double($1) }
        #expect(abs(all - squares) < 1e-3 * all)
    }

    @Test("nothing comes of nothing")
    func zeros() throws {
        try BLAS.load()
        let y = NewtonSchulz.orthogonalized(MutableMatrix(zeros: 4, 6), iterations: 5, Arena())
        #expect(y.view.elements.allSatisfy { $0 == 0 })
    }
}
