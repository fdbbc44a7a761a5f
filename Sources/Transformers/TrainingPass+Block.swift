internal import Numerics

extension TrainingPass {
    /// One block forward over x (rows × D), as ``Transformer``'s, keeping every intermediate result.
    func forwardBlock(_ index: Int, _ x: Matrix, table: RotaryTable) -> BlockActivations {
        let c = transformer.configuration
        let w = transformer.parameters.blocks[index]
        let n = x.rows
        let normed = arena.matrix(n, c.width)
        let inverse = arena.matrix(n, 1)
        Kernels.rmsNorm(x, weight: w.attentionNorm, into: normed, inverse: inverse, epsilon: c.normEpsilon)
        var query = arena.matrix(n, c.queryWidth)
        var key = arena.matrix(n, c.keyValueWidth)
        let value = arena.matrix(n, c.keyValueWidth)
        transformer.linear(normed.view, w.query, w.queryBias, into: query)
        transformer.linear(normed.view, w.key, w.keyBias, into: key)
        transformer.linear(normed.view, w.value, w.valueBias, into: value)
        let queryHeads = normHeads(&query, w.queryNorm)
        let keyHeads = normHeads(&key, w.keyNorm)
        Kernels.rope(query, table: table, positions: layout.positions, headWidth: c.headWidth)
        Kernels.rope(key, table: table, positions: layout.positions, headWidth: c.headWidth)

        let attended = arena.matrix(n, c.queryWidth)
        let attention = Attention(c)
        var probabilities: [Matrix] = []
        for (sequence, input) in inputs.enumerated() {
            let range = layout.range(sequence)
            let p = arena.matrix(c.heads * range.count, range.count)
            let limits = range.indices.map { row -> Int32 in
                let horizon = input.attention.horizon(of: Int(layout.positions[row]))
                return Int32(
                    horizon == .max ? range.count : min(range.count, max(0, horizon - input.firstPosition)))
            }
            attention.forward(
                query: query.view.slice(rows: range), keys: key.view.slice(rows: range),
                values: value.view.slice(rows: range), limits: limits, probabilities: p,
                output: attended.slice(rows: range))
            probabilities.append(p.view)
        }

        let middle = arena.matrix(n, c.width)
        transformer.linear(attended.view, w.attentionOutput, into: middle)
        Kernels.add(x, to: middle)
        let second = arena.matrix(n, c.width)
        let secondInverse = arena.matrix(n, 1)
        Kernels.rmsNorm(
            middle.view, weight: w.feedForwardNorm, into: second, inverse: secondInverse,
            epsilon: c.normEpsilon)
        let gate = arena.matrix(n, c.feedForwardWidth)
        let up = arena.matrix(n, c.feedForwardWidth)
        let activated = arena.matrix(n, c.feedForwardWidth)
        transformer.linear(second.view, w.gate, into: gate)
        transformer.linear(second.view, w.up, into: up)
        Kernels.swiglu(gate: gate.view, up: up.view, into: activated)
        let output = arena.matrix(n, c.width)
        transformer.linear(activated.view, w.down, into: output)
        Kernels.add(middle.view, to: output)
        return BlockActivations(
            input: x, attentionInverse: inverse.view, attentionNormed: normed.view, query: query.view,
            key: key.view, value: value.view, queryHeads: queryHeads, keyHeads: keyHeads,
            probabilities: probabilities, attended: attended.view,
            middle: middle.view, feedForwardInverse: secondInverse.view, feedForwardNormed: second.view,
            gate: gate.view, up: up.view, activated: activated.view, output: output)
    }

    /// One block backward: `dx` holds the gradient of the block's output and becomes that of its input
    /// (rows × D); parameter gradients are added to `g`.
    func backwardBlock(
        _ index: Int, _ dx: MutableMatrix, table: RotaryTable, into g: BlockParameters<MutableMatrix>
    ) {
        let c = transformer.configuration
        let w = transformer.parameters.blocks[index]
        let a = blocks[index]
        let n = dx.rows

        // Feed-forward half: output = middle + down(silu(gate) * up).
        let dActivated = arena.matrix(n, c.feedForwardWidth)
        let dGate = arena.matrix(n, c.feedForwardWidth)
        let dUp = arena.matrix(n, c.feedForwardWidth)
        let dNormed = arena.matrix(n, c.width)
        linearBackward(dx.view, x: a.activated, weight: w.down, dx: dActivated, dWeight: g.down)
        Kernels.swigluBackward(dActivated.view, gate: a.gate, up: a.up, dGate: dGate, dUp: dUp)
        linearBackward(dGate.view, x: a.feedForwardNormed, weight: w.gate, dx: dNormed, dWeight: g.gate)
        linearBackward(
            dUp.view, x: a.feedForwardNormed, weight: w.up, dx: dNormed, dWeight: g.up, accumulate: true)
        Kernels.rmsNormBackward(
            dNormed.view, x: a.middle, inverse: a.feedForwardInverse, weight: w.feedForwardNorm, dx: dx,
            dWeight: g.feedForwardNorm)

        // Attention half: middle = input + attentionOutput(attention(norm(input))).
        let dAttended = arena.matrix(n, c.queryWidth)
        linearBackward(
            dx.view, x: a.attended, weight: w.attentionOutput, dx: dAttended, dWeight: g.attentionOutput)
        var dQuery = arena.matrix(n, c.queryWidth)
        var dKey = arena.zeros(n, c.keyValueWidth)
        let dValue = arena.zeros(n, c.keyValueWidth)
        let attention = Attention(c)
        for sequence in inputs.indices {
            let range = layout.range(sequence)
            let mark = arena.mark
            attention.backward(
                dOutput: dAttended.view.slice(rows: range), query: a.query.slice(rows: range),
                keys: a.key.slice(rows: range), values: a.value.slice(rows: range),
                probabilities: a.probabilities[sequence], scratch: arena.matrix(range.count, range.count),
                dQuery: dQuery.slice(rows: range), dKeys: dKey.slice(rows: range),
                dValues: dValue.slice(rows: range))
            arena.release(to: mark)
        }
        Kernels.rope(dQuery, table: table, positions: layout.positions, headWidth: c.headWidth, inverse: true)
        Kernels.rope(dKey, table: table, positions: layout.positions, headWidth: c.headWidth, inverse: true)
        normHeadsBackward(&dQuery, a.queryHeads, weight: w.queryNorm, dWeight: g.queryNorm)
        normHeadsBackward(&dKey, a.keyHeads, weight: w.keyNorm, dWeight: g.keyNorm)
        for (gradient, weight, dWeight, dBias, first) in [
            (dQuery, w.query, g.query, g.queryBias, true), (dKey, w.key, g.key, g.keyBias, false),
            (dValue, w.value, g.value, g.valueBias, false),
        ] {
            linearBackward(
                gradient.view, x: a.attentionNormed, weight: weight, dx: dNormed, dWeight: dWeight,
                accumulate: !first)
            if let dBias { Kernels.sumRows(gradient.view, into: dBias) }
        }
        Kernels.rmsNormBackward(
            dNormed.view, x: a.input, inverse: a.attentionInverse, weight: w.attentionNorm, dx: dx,
            dWeight: g.attentionNorm)
    }

    /// Gradients of `y = x · weightᵀ`: `dx` (+)= dy · weight, `dWeight` += dyᵀ · x.
    private func linearBackward(
        _ dy: Matrix, x: Matrix, weight: Matrix, dx: MutableMatrix, dWeight: MutableMatrix,
        accumulate: Bool = false
    ) {
        BLAS.multiply(dy, weight, into: dx, accumulate: accumulate)
        BLAS.multiply(dy, x, transposeA: true, into: dWeight, accumulate: true)
    }
}
