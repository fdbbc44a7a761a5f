import CKernels
import Testing

@testable import Numerics

/// Every kernel of 32-bit floats at each instruction level of this CPU: the same bits, in the order of sums that is
/// documented.
@Suite struct LevelTests {
    /// The levels that have to agree: those with fused multiply-adds.
    private static var fused: [d3_kernels] {
        let names: [String] = ["x86-64-v4", "x86-64-v3", "plain"]
        return names.compactMap { (name: String) in d3_kernels_at(name)?.pointee }.filter(\.is_fused)
    }

    /// Numbers of both signs from 2^-12 to 2^12, so that a sum's order shows.
    private func wild(_ count: Int, _ seed: UInt64) -> [Float] {
        var stream = RandomStream(seed: seed, purpose: "wild")
        return (0..<count).map { _ in
            let exponent = stream.nextInt(in: -12..<13)
            return Float(sign: .plus, exponent: exponent, significand: Float(stream.nextDouble() * 2 - 1))
        }
    }

    /// What all kernels give for rows of `n` numbers, by name.
    private func results(_ k: d3_kernels, _ n: Int) -> [(String, [Float])] {
        let (a, b, c, d) = (wild(3 * n + 9, 1), wild(3 * n + 9, 2), wild(3 * n + 9, 3), wild(n, 4))
        let positive = wild(3 * n + 9, 5).map(abs)
        var results: [(String, [Float])] = []
        func note(_ name: String, _ start: [[Float]], _ body: ([UnsafeMutablePointer<Float>]) -> Void) {
            let buffers = start.map { values in
                let buffer = UnsafeMutableBufferPointer<Float>.allocate(capacity: values.count + 1)
                _ = buffer.initialize(from: values + [99])
                return buffer
            }
            defer { buffers.forEach { $0.deallocate() } }
            body(buffers.compactMap(\.baseAddress))
            results.append((name, buffers.flatMap { Array($0) }))
        }
        let row = [Float](repeating: 0, count: n)
        note("rms_norm", [a, row + row + row, [0, 0, 0]]) { k.rms_norm($0[0], d, $0[1], $0[2], 3, n, 1e-5) }
        note("rms_norm_backward", [c, d]) { k.rms_norm_backward(a, b, [0.1, 2, 30], d, $0[0], $0[1], 3, n) }
        note("rope", [a]) { k.rope($0[0], n + 3, b, c, [1, 0, 1], 3, 1, n / 2 * 2, -1) }
        note("softmax_rows", [a]) {
            k.softmax_rows($0[0], n + 3, [Int32(n), Int32(n / 2), 0], 3, n, 0.3)
        }
        note("softmax_rows_backward", [a]) { k.softmax_rows_backward($0[0], b, n + 3, 3, n, 0.3) }
        note("swiglu", [row]) { k.swiglu(a, b, $0[0], n) }
        note("swiglu_backward", [row, row]) { k.swiglu_backward(a, b, c, $0[0], $0[1], n) }
        note("add", [a]) { k.add($0[0], b, n) }
        note("scale", [a]) { k.scale($0[0], 0.3, n) }
        note("axpy", [a]) { k.axpy($0[0], -1.7, b, n) }
        note("add_row", [a]) { k.add_row($0[0], n + 3, b, 3, n) }
        note("sum_rows", [a]) { k.sum_rows(b, n + 3, $0[0], 3, n) }
        note("adamw", [a, b, positive]) {
            k.adamw($0[0], c, $0[1], $0[2], n, 0.5, 0.01, 0.9, 0.999, 1e-8, 0.1, 0.27, 0.003)
        }
        note("nesterov", [a, row]) { k.nesterov(c, $0[0], $0[1], n, 0.5, 0.95) }
        let squares = k.sum_of_squares(a, n)
        results.append(("sum_of_squares", [Float(squares), Float(squares - Double(Float(squares)))]))
        guard n > 0 else { return results }
        let score = k.score(a, n)
        results.append(
            ("score", [Float(score.token), score.probability, score.second_probability, score.entropy]))
        for temperature in [Float(1), 0.5] {
            let loss = k.loss_row(a, n, Int32(n / 2), temperature)
            results.append(("loss_row", [loss.cross_entropy, loss.entropy, loss.correct ? 1 : 0]))
            note("loss_row_backward", [row]) {
                k.loss_row_backward(a, $0[0], n, Int32(n / 2), 0.7, 1.3, temperature)
            }
        }
        results.append(("soft_cross_entropy", [k.soft_cross_entropy(a, positive, n)]))
        note("soft_cross_entropy_backward", [row]) {
            k.soft_cross_entropy_backward(a, positive, $0[0], n, 1.5)
        }
        note("softmax", [row]) { k.softmax(a, $0[0], n) }
        return results
    }

    @Test("every kernel gives the same bits at all levels, whatever the length", arguments: 0...100)
    func kernels(n: Int) throws {
        let levels = Self.fused
        guard let plain = levels.last, levels.count > 1 else { return }
        let expected = results(plain, n)
        for level in levels.dropLast() {
            for (one, other) in zip(results(level, n), expected) {
                #expect(
                    one.1.map(\.bitPattern) == other.1.map(\.bitPattern),
                    "\(one.0) of \(n) at \(String(cString: level.name))")
            }
        }
    }

    /// Narrow, tiny, large, around the edges of tiles, panels and chunks.
    static let shapes = [
        (1, 1, 1), (1, 96, 24), (3, 5, 24), (13, 33, 65), (25, 30, 449), (7, 57, 900), (64, 24, 80),
        (80, 80, 24),
        (17, 17, 31), (9, 24, 9), (30, 47, 460), (120, 24, 7), (31, 96, 96), (19, 140, 15),
        // Both sides are packed, with rows for more than one turn, several groups of columns and chunks of k.
        (48, 320, 64), (50, 337, 71), (61, 600, 460), (1023, 321, 65),
    ]

    @Test(
        "products too, with every transposition, and with rows a page apart", arguments: shapes,
        [false, true])
    func products(shape: (Int, Int, Int), isFar: Bool) {
        let levels = Self.fused
        guard let plain = levels.last, levels.count > 1 else { return }
        let (m, n, k) = shape
        for way in 0..<8 {
            let (transposesA, transposesB) = (way & 1 != 0, way & 2 != 0)
            let (lda, ldb) = isFar ? (1024, 1024) : ((transposesA ? m : k) + 1, (transposesB ? k : n) + 2)
            let a = wild((transposesA ? k : m) * lda, 6)
            let b = wild((transposesB ? n : k) * ldb, 7)
            func product(_ level: d3_kernels) -> [UInt32] {
                var c = wild(m * (n + 3), 8)
                a.withUnsafeBufferPointer { a in
                    b.withUnsafeBufferPointer { b in
                        c.withUnsafeMutableBufferPointer { c in
                            var product = d3_product(
                                a: a.baseAddress, b: b.baseAddress, c: c.baseAddress, m: m, n: n, k: k,
                                lda: lda, ldb: ldb, ldc: n + 3, alpha: 0.3, transpose_a: transposesA,
                                transpose_b: transposesB, accumulate: way & 4 != 0)
                            level.product_f32(&product)
                        }
                    }
                }
                return c.map(\.bitPattern)
            }
            let expected = product(plain)
            for level in levels.dropLast() {
                #expect(product(level) == expected, "\(shape), way \(way), \(String(cString: level.name))")
            }
        }
    }

    @Test("a row is summed by sixteen lanes, which are added in pairs", arguments: [1, 15, 16, 17, 96, 257])
    func order(n: Int) throws {
        let x = wild(n, 9)
        var lanes = [Float](repeating: 0, count: 16)
        for (i, value) in x.enumerated() { lanes[i % 16].addProduct(value, value) }
        while lanes.count > 1 {
            let half = lanes.count / 2
            lanes = (0..<half).map { lanes[$0] + lanes[$0 + half] }
        }
        let expected = 1 / (lanes[0] / Float(n) + 1e-5).squareRoot()
        for level in Self.fused {
            var (y, inverse) = (x, [Float(0)])
            level.rms_norm(x, x, &y, &inverse, 1, n, 1e-5)
            #expect(inverse[0].bitPattern == expected.bitPattern, "\(String(cString: level.name))")
        }
    }

    @Test(
        "an element of a product is a chain of fused multiply-adds over each chunk of k",
        arguments: [5, 448, 900])
    func productOrder(k: Int) {
        let (a, b) = (wild(k, 10), wild(k, 11))
        var expected: Float = 0
        var start = 0
        while start < k {
            let rest = k - start
            let depth = rest >= 896 ? 448 : rest > 448 ? (rest / 2 + 15) / 16 * 16 : rest
            var sum: Float = 0
            for i in start..<start + depth { sum.addProduct(a[i], b[i]) }
            expected = start == 0 ? 0.7 * sum : expected.addingProduct(0.7, sum)
            start += depth
        }
        for level in Self.fused {
            var result: Float = 0
            a.withUnsafeBufferPointer { a in
                b.withUnsafeBufferPointer { b in
                    withUnsafeMutablePointer(to: &result) { c in
                        var product = d3_product(
                            a: a.baseAddress, b: b.baseAddress, c: c, m: 1, n: 1, k: k, lda: k, ldb: 1,
                            ldc: 1,
                            alpha: 0.7, transpose_a: false, transpose_b: false, accumulate: false)
                        level.product_f32(&product)
                    }
                }
            }
            #expect(result.bitPattern == expected.bitPattern, "\(String(cString: level.name))")
        }
    }

    @Test("losses agree with double precision to the last bits of a float", arguments: [2, 17, 90, 300])
    func accuracy(v: Int) {
        let x = numbers(v, seed: 40, scale: 6)
        let top = Double(x.max() ?? 0)
        let sum = x.reduce(0.0) { $0 + Elementary.exp(Double($1) - top) }
        let expected = Elementary.log(sum) + top - Double(x[1])
        for level in Self.fused {
            let loss = Double(level.loss_row(x, v, 1, 1).cross_entropy)
            #expect(abs(loss - expected) < 1e-6 * max(1, abs(expected)))
        }
    }
}
