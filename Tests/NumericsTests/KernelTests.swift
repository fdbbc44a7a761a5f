import Testing

@testable import Numerics

/// Each kernel against a naive reference in double precision, at sizes around the vector widths.
@Suite struct KernelTests {
    static let sizes = [1, 2, 3, 7, 15, 16, 17, 31, 33, 64, 96, 257]

    @Test("RMS norm and its inverse", arguments: sizes)
    func rmsNorm(d: Int) {
        let x = numbers(3 * d, seed: 5, scale: 4)
        let w = numbers(d, seed: 6)
        let y = MutableMatrix(zeros: 3, d)
        let inverse = MutableMatrix(zeros: 3, 1)
        Kernels.rmsNorm(
            Matrix(rows: 3, columns: d, elements: x), weight: Matrix(rows: 1, columns: d, elements: w),
            into: y,
            inverse: inverse, epsilon: 1e-5)
        for r in 0..<3 {
            let row = x[r * d..<(r + 1) * d].map(Double.init)
            let scale = 1 / (row.reduce(0) { $0 + $1 * $1 } / Double(d) + 1e-5).squareRoot()
            #expect(abs(Double(inverse[r, 0]) - scale) < 1e-5 * scale)
            for c in 0..<d { #expect(abs(Double(y[r, c]) - row[c] * scale * Double(w[c])) < 1e-5) }
        }
    }

    @Test("softmax over a prefix sums to one, ignores what is beyond, and is zero there", arguments: sizes)
    func softmax(d: Int) {
        let x = numbers(d, seed: 7, scale: 30)
        let limit = max(1, d / 2)
        let p = MutableMatrix(zeros: 1, d)
        p.copy(from: Matrix(rows: 1, columns: d, elements: x))
        Kernels.softmaxRows(p, limits: [Int32(limit)], scale: 0.25)
        let top = x[..<limit].max()!
        let e = x[..<limit].map { Elementary.exp(Double($0 - top) * 0.25) }
        let sum = e.reduce(0, +)
        for c in 0..<d { #expect(abs(Double(p[0, c]) - (c < limit ? e[c] / sum : 0)) < 1e-6) }
    }

    @Test("score: argmax, probability, runner-up and entropy", arguments: [1, 2, 5, 16, 90, 1000, 126_464])
    func score(v: Int) {
        var x = numbers(v, seed: 8, scale: 12)
        if v > 4 { x[3] = -.infinity }
        let s = x.withUnsafeBufferPointer { Kernels.score($0) }
        let best = x.indices.max { x[$0] < x[$1] }!
        let e = x.map { Elementary.exp(Double($0 - x[best])) }
        let sum = e.reduce(0, +)
        let entropy = -e.reduce(0) { $0 + ($1 > 0 ? $1 / sum * Elementary.log($1 / sum) : 0) }
        #expect(Int(s.token) == best)
        #expect(abs(Double(s.probability) - 1 / sum) < 1e-5)
        #expect(abs(Double(s.entropy) - entropy) < 2e-5 * max(1, entropy))
        let second = x.indices.filter { $0 != best }.map { e[$0] / sum }.max() ?? 0
        #expect(abs(Double(s.secondProbability) - second) < 1e-5)
    }

    @Test("score takes the lowest of equal tokens")
    func ties() {
        let s = [Float](arrayLiteral: 1, 7, 3, 7, 7).withUnsafeBufferPointer { Kernels.score($0) }
        #expect(s.token == 1)
        #expect(s.probability == s.secondProbability)
    }

    @Test("row loss and its gradient agree with finite differences", arguments: [Float(0.5), 1])
    func rowLoss(temperature: Float) {
        let v = 23
        let x = numbers(v, seed: 9, scale: 3)
        func value(_ x: [Float]) -> Double {
            let l = x.withUnsafeBufferPointer { Kernels.rowLoss($0, target: 4, temperature: temperature) }
            return 0.7 * Double(l.crossEntropy) + 1.3 * Double(l.entropy)
        }
        var gradient = [Float](repeating: 0, count: v)
        gradient.withUnsafeMutableBufferPointer { g in
            x.withUnsafeBufferPointer {
                Kernels.rowLossBackward(
                    $0, target: 4, ceWeight: 0.7, entropyWeight: 1.3, temperature: temperature, into: g)
            }
        }
        for i in 0..<v {
            var (up, down) = (x, x)
            up[i] += 0.01
            down[i] -= 0.01
            #expect(abs((value(up) - value(down)) / 0.02 - Double(gradient[i])) < 2e-3)
        }
    }

    @Test("SwiGLU and its gradient", arguments: sizes)
    func swiglu(n: Int) {
        let (g, u, dh) = (numbers(n, seed: 1, scale: 6), numbers(n, seed: 2), numbers(n, seed: 3))
        func row(_ x: [Float]) -> Matrix { Matrix(rows: 1, columns: n, elements: x) }
        let h = MutableMatrix(zeros: 1, n)
        let (dg, du) = (MutableMatrix(zeros: 1, n), MutableMatrix(zeros: 1, n))
        Kernels.swiglu(gate: row(g), up: row(u), into: h)
        Kernels.swigluBackward(row(dh), gate: row(g), up: row(u), dGate: dg, dUp: du)
        func reference(_ g: Double, _ u: Double) -> Double { g / (1 + Elementary.exp(-g)) * u }
        for i in 0..<n {
            let (gi, ui, d) = (Double(g[i]), Double(u[i]), Double(dh[i]))
            #expect(abs(Double(h[0, i]) - reference(gi, ui)) < 1e-5)
            let slope = (reference(gi + 1e-4, ui) - reference(gi - 1e-4, ui)) / 2e-4
            #expect(abs(Double(dg[0, i]) - d * slope) < 1e-4)
            #expect(abs(Double(du[0, i]) - d * reference(gi, 1)) < 1e-5)
        }
    }

    @Test("rotary embedding keeps lengths, turns back, and makes scores depend on distance only")
    func rope() {
        let table = RotaryTable(positions: 50, headWidth: 8, theta: 10000)
        let (q, k) = (numbers(8, seed: 11), numbers(8, seed: 12))
        func rotated(_ x: [Float], _ position: Int32, back: Bool = false) -> [Float] {
            let m = MutableMatrix(zeros: 1, 8)
            m.copy(from: Matrix(rows: 1, columns: 8, elements: x))
            Kernels.rope(m, table: table, positions: [position], headWidth: 8, inverse: back)
            return m.view.elements
        }
        func dot(_ a: [Float], _ b: [Float]) -> Float { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }
        let near = dot(rotated(q, 7), rotated(k, 3))
        let far = dot(rotated(q, 44), rotated(k, 40))
        #expect(abs(near - far) < 1e-4)
        for (a, b) in zip(rotated(rotated(q, 33), 33, back: true), q) { #expect(abs(a - b) < 1e-5) }
    }

    @Test("AdamW follows the formula of torch")
    func adamW() {
        let n = 37
        var p = numbers(n, seed: 20)
        let g = numbers(n, seed: 21)
        var (m, v) = (numbers(n, seed: 22, scale: 0.1), numbers(n, seed: 23, scale: 0.1).map { $0 * $0 })
        let (p0, m0, v0) = (p.map(Double.init), m.map(Double.init), v.map(Double.init))
        p.withUnsafeMutableBufferPointer { p in
            Kernels.adamW(
                p, gradient: g, first: &m, second: &v,
                .init(
                    learningRate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, decay: 0.1,
                    gradientScale: 0.5, step: 3))
        }
        for i in 0..<n {
            let grad = Double(g[i]) * 0.5
            let mi = 0.9 * m0[i] + 0.1 * grad
            let vi = 0.999 * v0[i] + 0.001 * grad * grad
            let (c1, c2) = (1 - Elementary.pow(0.9, 3), 1 - Elementary.pow(0.999, 3))
            let expected = p0[i] * (1 - 0.001) - 0.01 / c1 * mi / ((vi / c2).squareRoot() + 1e-8)
            #expect(abs(Double(p[i]) - expected) < 1e-5 * max(1, abs(expected)))
        }
    }

    @Test("bfloat16 rounds to nearest even, keeps NaN, and widens exactly")
    func bfloat16() {
        let x: [Float] = [0, -0, 1, -1.5, 3.14159, 1e-37, .infinity, -.infinity, 1.00390625, 1.01171875]
        var bits = [UInt16](repeating: 0, count: x.count)
        x.withUnsafeBufferPointer { BFloat16.round($0, into: &bits) }
        #expect(bits[2] == 0x3F80)
        #expect(bits[8] == 0x3F80)  // halfway between 1 and 1.0078125: to even
        #expect(bits[9] == 0x3F82)  // halfway between 1.0078125 and 1.015625: to even
        var back = [Float](repeating: 0, count: x.count)
        back.withUnsafeMutableBufferPointer { BFloat16.widen(bits, into: $0) }
        for (a, b) in zip(x, back) where a.isFinite { #expect(abs(a - b) <= abs(a) * 0.004) }
        #expect(back[6] == .infinity && back[7] == -.infinity)
        var nan: [UInt16] = [0]
        [Float.nan].withUnsafeBufferPointer { BFloat16.round($0, into: &nan) }
        #expect(nan[0] & 0x7F80 == 0x7F80 && nan[0] & 0x7F != 0)
    }
}
