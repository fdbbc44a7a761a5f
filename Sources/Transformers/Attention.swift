internal import Numerics

/// Scaled dot-product attention of one sequence, head by head.
struct Attention {
    let heads: Int
    let keyValueHeads: Int
    let headWidth: Int
    let scale: Float

    init(_ c: TransformerConfiguration) {
        heads = c.heads
        keyValueHeads = c.keyValueHeads
        headWidth = c.headWidth
        scale = 1 / Float(c.headWidth).squareRoot()
    }

    private func columns(_ head: Int) -> Range<Int> { head * headWidth..<(head + 1) * headWidth }

    private func keyValueColumns(_ head: Int) -> Range<Int> { columns(head / (heads / keyValueHeads)) }

    /// `output` (T × H·K) from queries (T × H·K) and keys and values (C × kv·K).
    ///
    /// Query row r attends to the first `limits[r]` keys. `probabilities` (H·T × C) receives the softmax of head
    /// h in rows h·T…, which the gradient needs; with `keepsProbabilities` false only T × C of it is used.
    func forward(
        query: Matrix, keys: Matrix, values: Matrix, limits: [Int32], probabilities: MutableMatrix,
        keepsProbabilities: Bool, output: MutableMatrix
    ) {
        let t = query.rows
        let all = 0..<t
        limits.withUnsafeBufferPointer { limits in
            guard let first = limits.baseAddress else { return }
            for h in 0..<heads {
                let start = keepsProbabilities ? h * t : 0
                let p = probabilities.slice(rows: start..<start + t)
                let kv = keyValueColumns(h)
                BLAS.multiply(
                    query.slice(rows: all, columns: columns(h)), keys.slice(rows: 0..<keys.rows, columns: kv),
                    transposeB: true, into: p)
                Kernels.softmaxRows(p, limits: first, scale: scale)
                BLAS.multiply(
                    p.view, values.slice(rows: 0..<values.rows, columns: kv),
                    into: output.slice(rows: all, columns: columns(h)))
            }
        }
    }

    /// Gradients of ``forward(query:keys:values:limits:probabilities:keepsProbabilities:output:)``.
    ///
    /// `dQuery` (T × H·K) is written; `dKeys` and `dValues` (C × kv·K) are added to. `scratch` is T × C.
    func backward(
        dOutput: Matrix, query: Matrix, keys: Matrix, values: Matrix, probabilities: Matrix,
        scratch: MutableMatrix, dQuery: MutableMatrix, dKeys: MutableMatrix, dValues: MutableMatrix
    ) {
        let t = query.rows
        let all = 0..<t
        let every = 0..<keys.rows
        for h in 0..<heads {
            let p = probabilities.slice(rows: h * t..<(h + 1) * t)
            let kv = keyValueColumns(h)
            let dOut = dOutput.slice(rows: all, columns: columns(h))
            BLAS.multiply(
                p, dOut, transposeA: true, into: dValues.slice(rows: every, columns: kv), accumulate: true)
            BLAS.multiply(dOut, values.slice(rows: every, columns: kv), transposeB: true, into: scratch)
            Kernels.softmaxRowsBackward(scratch, p: p, scale: scale)
            BLAS.multiply(
                scratch.view, keys.slice(rows: every, columns: kv),
                into: dQuery.slice(rows: all, columns: columns(h)))
            BLAS.multiply(
                scratch.view, query.slice(rows: all, columns: columns(h)), transposeA: true,
                into: dKeys.slice(rows: every, columns: kv), accumulate: true)
        }
    }
}
