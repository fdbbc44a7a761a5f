import JSON
import Numerics

/// The kernel ladder: one matrix product by every implementation, at the shapes of LLaDA-8B and of the mini model.
enum Products {
    static let shapes = [
        (32, 4096, 4096), (64, 4096, 4096), (128, 4096, 4096), (64, 12288, 4096), (64, 4096, 12288),
        (4096, 4096, 4096), (2560, 96, 96), (2560, 256, 96), (2560, 96, 256),
    ]

    static func run(threads: Int, repetitions: Int) throws -> JSONValue {
        try BLAS.load()
        var figures = JSONObject([])
        for (m, n, k) in shapes {
            var generator = Generator(seed: 2)
            let x = Matrix(rows: m, columns: k, elements: (0..<m * k).map { _ in generator.float() })
            let name = "\(m)x\(n)x\(k)"
            // Small shapes are repeated inside a measurement, so that the clock doesn't show.
            let inner = max(1, 200_000_000 / (m * n * k))
            let halves = RandomHalves(count: n * k)
            // Several copies, as in a model: one alone would stay in the cache.
            let copies = n * k >= 1 << 22 && m < 4096 ? 4 : 1
            func measure(_ kind: String, _ weights: [Weight]) {
                let arena = Arena()
                let y = MutableMatrix(zeros: m, n)
                var next = 0
                let times = Timing.seconds(repetitions) {
                    for _ in 0..<inner {
                        let mark = arena.mark
                        let weight = weights[next % weights.count]
                        next += 1
                        weight.multiply(
                            weight.input(x, arena, threads: threads), into: y, arena, threads: threads)
                        arena.release(to: mark)
                    }
                }
                figures["\(kind) \(name)"] = JSONValue(times.map { $0 / Double(inner) })
            }
            let rows = halves.rows(n, k)
            measure("bfloat16", (0..<copies).map { _ in .bfloat16(BFloat16Weight(rows, threads: threads)) })
            measure("int8", (0..<copies).map { _ in .int8(Int8Weight(rows, threads: threads)) })
            guard n * k < 1 << 22 else { continue }
            let wide = FloatBuffer(zeros: n * k).matrix(rows: n, columns: k)
            for row in 0..<n { rows.widen(row: row, into: wide.pointer + row * k) }
            measure("float32", [.float32(wide.view)])
        }
        return .object(figures)
    }
}
