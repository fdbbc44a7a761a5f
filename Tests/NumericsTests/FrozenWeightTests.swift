import Testing

@testable import Numerics

/// Products with weights as they are stored, in both directions.
@Suite struct FrozenWeightTests {
    /// (M, N, K): around the edges of bands, panels, chunks and pairs of k.
    static let shapes = [
        (1, 1, 1), (3, 33, 65), (5, 256, 31), (7, 257, 300), (2, 300, 1025), (385, 40, 7), (4, 531, 513),
    ]

    private func random(_ rows: Int, _ columns: Int, seed: UInt64) -> Matrix {
        var stream = RandomStream(seed: seed, purpose: "frozen")
        return Matrix(
            rows: rows, columns: columns,
            elements: (0..<rows * columns).map { _ in Float(stream.nextNormal()) })
    }

    /// The same numbers as a file in bfloat16 holds them, and in 32-bit floats.
    private func halves(_ matrix: Matrix) -> (stored: FrozenWeight, wide: Matrix) {
        let memory = FloatBuffer(zeros: (matrix.rows * matrix.columns + 1) / 2)
        let start = UnsafeMutableRawPointer(memory.pointer).assumingMemoryBound(to: UInt16.self)
        for row in 0..<matrix.rows { BFloat16.round(matrix.row(row), into: start + row * matrix.columns) }
        let rows = BFloat16Rows(
            owner: memory, pointer: start, rows: matrix.rows, columns: matrix.columns)
        let wide = MutableMatrix(zeros: matrix.rows, matrix.columns)
        for row in 0..<matrix.rows { rows.widen(row: row, into: wide.pointer + row * wide.stride) }
        return (FrozenWeight(.bfloat16(rows)), wide.view)
    }

    private func forward(_ weight: FrozenWeight, _ x: Matrix, threads: Int = 1) -> [Float] {
        let arena = Arena()
        let y = MutableMatrix(zeros: x.rows, weight.rows)
        let form = Weight.frozen(weight)
        form.multiply(form.input(x, arena, threads: threads), into: y, arena, threads: threads)
        return y.view.elements
    }

    private func backward(
        _ weight: FrozenWeight, _ dy: Matrix, adding start: Matrix? = nil, threads: Int = 1
    ) -> [Float] {
        let dx = MutableMatrix(zeros: dy.rows, weight.columns)
        if let start { dx.copy(from: start) } else { dx.fill(.nan) }
        weight.multiplyTransposed(dy, into: dx, accumulate: start != nil, Arena(), threads: threads)
        return dx.view.elements
    }

    private func bits(_ elements: [Float]) -> [UInt32] { elements.map(\.bitPattern) }

    @Test(
        "stored in bfloat16, products in 32-bit floats are those of the widened numbers, bit for bit",
        arguments: shapes)
    func sameBits(shape: (Int, Int, Int)) throws {
        try BLAS.load()
        let (m, n, k) = shape
        let (stored, wide) = halves(random(n, k, seed: 1))
        #expect(stored.widened().elements == wide.elements)
        let (x, dy, start) = (random(m, k, seed: 2), random(m, n, seed: 3), random(m, k, seed: 4))
        let y = MutableMatrix(zeros: m, n)
        BLAS.multiply(x, wide, transposeB: true, into: y)
        #expect(bits(forward(stored, x)) == bits(y.view.elements))
        let dx = MutableMatrix(zeros: m, k)
        BLAS.multiply(dy, wide, into: dx)
        #expect(bits(backward(stored, dy)) == bits(dx.view.elements))
        dx.copy(from: start)
        BLAS.multiply(dy, wide, into: dx, accumulate: true)
        #expect(bits(backward(stored, dy, adding: start)) == bits(dx.view.elements))
        for threads in [2, 3] {
            #expect(bits(forward(stored, x, threads: threads)) == bits(y.view.elements))
            #expect(bits(backward(stored, dy, adding: start, threads: threads)) == bits(dx.view.elements))
        }
    }

    @Test(
        "products in bfloat16 are those of packed weights and of their packed transposes, bit for bit",
        arguments: shapes)
    func packed(shape: (Int, Int, Int)) throws {
        let (m, n, k) = shape
        let (stored, wide) = halves(random(n, k, seed: 5))
        let (x, dy, start) = (random(m, k, seed: 6), random(m, n, seed: 7), random(m, k, seed: 8))
        let transposed = MutableMatrix(zeros: k, n)
        Kernels.transpose(wide, into: transposed)
        func product(_ weight: Matrix, _ x: Matrix) -> [Float] {
            let (arena, y) = (Arena(), MutableMatrix(zeros: x.rows, weight.rows))
            let packed = Weight.bfloat16(BFloat16Weight(rounding: weight))
            packed.multiply(packed.input(x, arena), into: y, arena)
            return y.view.elements
        }
        for weight in [stored, FrozenWeight(.float32(wide))].map({ $0.computing(in: .bfloat16) }) {
            #expect(bits(forward(weight, x)) == bits(product(wide, x)))
            #expect(bits(forward(weight, x, threads: 3)) == bits(product(wide, x)))
            let dx = product(transposed.view, dy)
            #expect(bits(backward(weight, dy)) == bits(dx))
            let sum = zip(start.elements, dx).map(+)
            #expect(bits(backward(weight, dy, adding: start, threads: 2)) == bits(sum))
        }
    }

    @Test(
        "8 bits: the weight is rounded to 127 steps of its row's largest, and nothing else is",
        arguments: shapes)
    func int8(shape: (Int, Int, Int)) throws {
        try BLAS.load()
        let (m, n, k) = shape
        let original = random(n, k, seed: 9)
        let weight = FrozenWeight(.int8(Int8Rows(quantizing: FrozenWeight(.float32(original)))))
        let rounded = weight.widened()
        for row in 0..<n {
            let step = (original.row(row).map(abs).max() ?? 0) / 127
            for (a, b) in zip(original.row(row), rounded.row(row)) { #expect(abs(a - b) <= 0.501 * step) }
        }
        let (x, dy) = (random(m, k, seed: 10), random(m, n, seed: 11))
        let (y, dx) = (MutableMatrix(zeros: m, n), MutableMatrix(zeros: m, k))
        BLAS.multiply(x, rounded, transposeB: true, into: y)
        BLAS.multiply(dy, rounded, into: dx)
        for (products, tolerance) in [(FrozenWeight.Products.float32, 1e-6), (.bfloat16, 8e-3)] {
            let weight = weight.computing(in: products)
            for (found, expected) in [(forward(weight, x), y), (backward(weight, dy), dx)] {
                let scale = expected.view.elements.map(abs).max() ?? 0
                let error = zip(found, expected.view.elements).reduce(Float(0)) { max($0, abs($1.0 - $1.1)) }
                #expect(Double(error) <= tolerance * Double(max(scale, 1)), "\(products) \(shape)")
            }
        }
    }

    @Test("an arena that consolidates takes one block of what was needed")
    func arena() {
        let arena = Arena(minimumChunk: 16, consolidates: true)
        for sizes in [[100, 1000, 10], [1000, 100], [10, 2000, 10]] {
            arena.reset()
            for size in sizes { arena.matrix(1, size).fill(1) }
        }
        arena.reset()
        let mark = arena.mark
        _ = arena.matrix(1, 2000)
        arena.release(to: mark)
        _ = arena.matrix(1, 2016)
        #expect(arena.bytes == 4 * (16 + 2000 + 16))
    }

    @Test("an arena that consolidates grows by few blocks, each as long as all before")
    func growth() {
        let arena = Arena(minimumChunk: 16, consolidates: true)
        for _ in 0..<1000 { arena.matrix(1, 16).fill(1) }
        #expect(arena.bytes == 4 * 16 * 1024)
        arena.reset()
        _ = arena.matrix(1, 16)
        #expect(arena.bytes == 4 * 16 * 1000)
    }
}
