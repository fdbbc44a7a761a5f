import Testing

@testable import Numerics

/// The kernels that the backward passes and optimisers are made of, against naive references.
@Suite struct VectorKernelTests {
    static let sizes = [1, 2, 3, 7, 15, 16, 17, 31, 33, 64, 96, 257]

    /// `rows` × `columns` inside a wider matrix whose other elements are 99.
    private func strided(_ rows: Int, _ columns: Int, _ elements: [Float]) -> (
        part: MutableMatrix, whole: MutableMatrix
    ) {
        let whole = MutableMatrix(zeros: rows, columns + 5)
        whole.fill(99)
        let part = whole.slice(rows: 0..<rows, columns: 2..<columns + 2)
        part.copy(from: Matrix(rows: rows, columns: columns, elements: elements))
        return (part, whole)
    }

    private func outsideIsUntouched(_ whole: MutableMatrix, _ columns: Int) -> Bool {
        (0..<whole.rows).allSatisfy { r in
            whole.row(r).enumerated().allSatisfy { c, x in (2..<columns + 2).contains(c) || x == 99 }
        }
    }

    @Test("RMS norm backward adds the gradients of finite differences", arguments: sizes)
    func rmsNormBackward(d: Int) {
        let n = 3
        let (x, w, dy) = (numbers(n * d, seed: 1, scale: 2), numbers(d, seed: 2), numbers(n * d, seed: 3))
        func matrix(_ rows: Int, _ elements: [Float]) -> Matrix {
            Matrix(rows: rows, columns: elements.count / rows, elements: elements)
        }
        let (y, inverse) = (MutableMatrix(zeros: n, d), MutableMatrix(zeros: n, 1))
        Kernels.rmsNorm(matrix(n, x), weight: matrix(1, w), into: y, inverse: inverse, epsilon: 1e-3)
        let (dx, dw) = (MutableMatrix(zeros: n, d), MutableMatrix(zeros: 1, d))
        dx.fill(10)
        dw.fill(-5)
        Kernels.rmsNormBackward(
            matrix(n, dy), x: matrix(n, x), inverse: inverse.view, weight: matrix(1, w), dx: dx, dWeight: dw)
        /// Σ dy · norm(x) · w in double precision.
        func value(_ x: [Double], _ w: [Double]) -> Double {
            (0..<n).reduce(0.0) { sum, r in
                let row = x[r * d..<(r + 1) * d]
                let scale = 1 / (row.reduce(0) { $0 + $1 * $1 } / Double(d) + 1e-3).squareRoot()
                return sum
                    + row.enumerated().reduce(0.0) { $0 + Double(dy[r * d + $1.0]) * $1.1 * scale * w[$1.0] }
            }
        }
        let (xs, ws) = (x.map(Double.init), w.map(Double.init))
        func slope(_ i: Int, of w: Bool) -> Double {
            var (up, down) = w ? (ws, ws) : (xs, xs)
            up[i] += 1e-5
            down[i] -= 1e-5
            return (w ? value(xs, up) - value(xs, down) : value(up, ws) - value(down, ws)) / 2e-5
        }
        for i in 0..<n * d {
            let expected = slope(i, of: false)
            #expect(abs(Double(dx[i / d, i % d]) - 10 - expected) < 1e-5 * max(1, abs(expected)))
        }
        for i in 0..<d { #expect(abs(Double(dw[0, i]) + 5 - slope(i, of: true)) < 1e-5) }
    }

    @Test("softmax backward is the gradient of the scores before scaling", arguments: sizes)
    func softmaxBackward(d: Int) {
        let (n, scale) = (3, 0.35)
        let limits = [Int32(d), Int32(max(1, d / 2)), 1]
        let (scores, weights) = (numbers(n * d, seed: 4, scale: 5), numbers(n * d, seed: 5))
        let (p, whole) = strided(n, d, scores)
        Kernels.softmaxRows(p, limits: limits[...], scale: Float(scale))
        #expect(outsideIsUntouched(whole, d))
        let (dp, other) = strided(n, d, weights)
        Kernels.softmaxRowsBackward(dp, p: p.view, scale: Float(scale))
        #expect(outsideIsUntouched(other, d))
        for r in 0..<n {
            let limit = Int(limits[r])
            func value(_ x: [Double]) -> Double {
                let e = x[..<limit].map { Elementary.exp($0 * scale) }
                let sum = e.reduce(0, +)
                return (0..<limit).reduce(0) { $0 + e[$1] / sum * Double(weights[r * d + $1]) }
            }
            let row = scores[r * d..<(r + 1) * d].map(Double.init)
            for c in 0..<d {
                var (up, down) = (row, row)
                up[c] += 1e-4
                down[c] -= 1e-4
                let slope = (value(up) - value(down)) / 2e-4
                #expect(abs(Double(dp[r, c]) - slope) < 1e-6)
                if c >= limit { #expect(dp[r, c] == 0) }
            }
        }
    }

    @Test("softmax over a prefix and a window is that of a row without the gap, bit for bit")
    func softmaxWindows() {
        let (n, d) = (5, 23)
        let scores = numbers(n * d, seed: 14, scale: 5)
        let limits: [Int32] = [4, 0, 6, 23, 0]
        let windows = [9..<12, 5..<23, 6..<8, 23..<23, 7..<7]
        let (p, whole) = strided(n, d, scores)
        Kernels.softmaxRows(p, limits: limits[...], windows: windows[...], scale: 0.4)
        #expect(outsideIsUntouched(whole, d))
        for r in 0..<n {
            let seen = Array(0..<Int(limits[r])) + Array(windows[r])
            let row = MutableMatrix(zeros: 1, max(1, seen.count))
            for (place, column) in seen.enumerated() { row[0, place] = scores[r * d + column] }
            Kernels.softmaxRows(row, limits: [Int32(seen.count)], scale: 0.4)
            for column in 0..<d {
                let place = seen.firstIndex(of: column)
                #expect(p[r, column] == place.map { row[0, $0] } ?? 0, "row \(r), column \(column)")
            }
        }
    }

    @Test("softmax: a scaled row far from zero, a single key, and none at all")
    func softmaxEdges() {
        let p = MutableMatrix(zeros: 3, 4)
        p.copy(from: Matrix(rows: 3, columns: 4, elements: [3e4, 3e4, -3e4, 0, 7, 1, 1, 1, 5, 5, 5, 5]))
        Kernels.softmaxRows(p, limits: [4, 1, 0], scale: 1)
        #expect(abs(p[0, 0] - 0.5) < 1e-6 && abs(p[0, 1] - 0.5) < 1e-6)
        #expect(p[0, 2] < 1e-30 && p[0, 3] < 1e-30)
        #expect(p.row(1).elementsEqual([1, 0, 0, 0]) && p.row(2).elementsEqual([0, 0, 0, 0]))
    }

    @Test("adding a row to every row, and summing rows, between strides", arguments: sizes)
    func rows(d: Int) {
        let n = 4
        let (x, row) = (numbers(n * d, seed: 6), numbers(d, seed: 7))
        let (y, whole) = strided(n, d, x)
        Kernels.addRow(Matrix(rows: 1, columns: d, elements: row), to: y)
        for r in 0..<n { for c in 0..<d { #expect(y[r, c] == x[r * d + c] + row[c]) } }
        #expect(outsideIsUntouched(whole, d))
        let sum = MutableMatrix(zeros: 1, d)
        sum.fill(3)
        Kernels.sumRows(y.view, into: sum)
        for c in 0..<d {
            let expected = (0..<n).reduce(3.0) { $0 + Double(y[$1, c]) }
            #expect(abs(Double(sum[0, c]) - expected) < 1e-5)
        }
        #expect(outsideIsUntouched(whole, d))
    }

    @Test("add, axpy, scale and the sum of squares", arguments: sizes)
    func vectors(n: Int) {
        let (x, y) = (numbers(n, seed: 8), numbers(n, seed: 9))
        let sum = MutableMatrix(zeros: 1, n)
        sum.copy(from: Matrix(rows: 1, columns: n, elements: y))
        Kernels.add(Matrix(rows: 1, columns: n, elements: x), to: sum)
        #expect(sum.view.elements == zip(x, y).map { $0 + $1 })
        // One element more on either side, to see that nothing beyond is touched.
        var scaled = [99] + x + [99]
        scaled.withUnsafeMutableBufferPointer {
            Kernels.scale(UnsafeMutableBufferPointer(rebasing: $0[1...n]), by: -2.5)
        }
        #expect(scaled == [99] + x.map { $0 * -2.5 } + [99])
        var result = [99] + y + [99]
        result.withUnsafeMutableBufferPointer {
            Kernels.axpy(0.3, x, to: UnsafeMutableBufferPointer(rebasing: $0[1...n]))
        }
        #expect(result[0] == 99 && result[n + 1] == 99)
        for i in 0..<n { #expect(abs(Double(result[i + 1]) - (Double(y[i]) + 0.3 * Double(x[i]))) < 1e-6) }
        let squares = x.withUnsafeBufferPointer { Kernels.sumOfSquares($0) }
        let expected = x.reduce(0.0) { $0 + Double($1) * Double($1) }
        #expect(abs(squares - expected) <= 1e-12 * expected)
    }

    @Test("Nesterov momentum: the new momentum, and a step that looks one further ahead", arguments: sizes)
    func nesterov(n: Int) {
        let (g, m0) = (numbers(n, seed: 10), numbers(n, seed: 11))
        var (m, out) = (m0, [Float](repeating: 0, count: n))
        m.withUnsafeMutableBufferPointer {
            Kernels.nesterov(gradient: g, momentum: $0, into: &out, gradientScale: 0.5, beta: 0.95)
        }
        for i in 0..<n {
            let gradient = 0.5 * Double(g[i])
            let momentum = 0.95 * Double(m0[i]) + gradient
            #expect(abs(Double(m[i]) - momentum) < 1e-6)
            #expect(abs(Double(out[i]) - (gradient + 0.95 * momentum)) < 1e-6)
        }
    }

    @Test("rotary embedding turns pairs (i, i + K/2) by position · theta^(-2i/K), between strides")
    func rope() {
        let (n, heads, k) = (3, 2, 6)
        let x = numbers(n * heads * k, seed: 12)
        let (m, whole) = strided(n, heads * k, x)
        let positions: [Int32] = [0, 5, 31]
        Kernels.rope(
            m, table: RotaryTable(positions: 32, headWidth: k, theta: 1000), positions: positions,
            headWidth: k)
        for r in 0..<n {
            for h in 0..<heads {
                for i in 0..<k / 2 {
                    let angle =
                        Double(positions[r]) * Elementary.pow(1000.0, -Double(2 * i) / Double(k))
                    // Written through cosine(x - π/2) because only the cosine is at hand in double precision.
                    let (c, s) = (cosine(angle), cosine(angle - Double.pi / 2))
                    let (a, b) = (
                        Double(x[(r * heads + h) * k + i]), Double(x[(r * heads + h) * k + i + k / 2])
                    )
                    #expect(abs(Double(m[r, h * k + i]) - (a * c - b * s)) < 1e-5)
                    #expect(abs(Double(m[r, h * k + i + k / 2]) - (b * c + a * s)) < 1e-5)
                }
            }
        }
        #expect(outsideIsUntouched(whole, heads * k))
    }
}
