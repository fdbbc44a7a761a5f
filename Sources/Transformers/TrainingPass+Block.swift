internal import Numerics

extension TrainingPass {
    /// One block forward over x (rows × D), as ``Transformer``'s, keeping every intermediate result.
    func forwardBlock(_ index: Int, _ x: Matrix, table: RotaryTable) -> BlockActivations {
        let c = transformer.configuration
        let w = weights.forward.blocks[index]
        func role(_ role: ParameterRole.BlockRole) -> ParameterRole { .block(index, role) }
        let n = x.rows
        let normed = arena.matrix(n, c.width)
        let inverse = arena.matrix(n, 1)
        Kernels.rmsNorm(
            x, weight: w.attentionNorm.matrix, into: normed, inverse: inverse, epsilon: c.normEpsilon)
        var query = arena.matrix(n, c.queryWidth)
        var key = arena.matrix(n, c.keyValueWidth)
        let value = arena.matrix(n, c.keyValueWidth)
        linear(
            normed.view, (role(.query), w.query, w.queryBias, query), (role(.key), w.key, w.keyBias, key),
            (role(.value), w.value, w.valueBias, value))
        let queryHeads = normHeads(&query, w.queryNorm?.matrix)
        let keyHeads = normHeads(&key, w.keyNorm?.matrix)
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
                output: attended.slice(rows: range), threads: threads)
            probabilities.append(p.view)
        }

        let middle = arena.matrix(n, c.width)
        linear(attended.view, (role(.attentionOutput), w.attentionOutput, nil, middle))
        Kernels.add(x, to: middle)
        let second = arena.matrix(n, c.width)
        let secondInverse = arena.matrix(n, 1)
        Kernels.rmsNorm(
            middle.view, weight: w.feedForwardNorm.matrix, into: second, inverse: secondInverse,
            epsilon: c.normEpsilon)
        let gate = arena.matrix(n, c.feedForwardWidth)
        let up = arena.matrix(n, c.feedForwardWidth)
        let activated = arena.matrix(n, c.feedForwardWidth)
        linear(second.view, (role(.gate), w.gate, nil, gate), (role(.up), w.up, nil, up))
        Kernels.swiglu(gate: gate.view, up: up.view, into: activated, threads: threads)
        let output = arena.matrix(n, c.width)
        linear(activated.view, (role(.down), w.down, nil, output))
        Kernels.add(middle.view, to: output)
        return BlockActivations(
            input: x, attentionInverse: inverse.view, attentionNormed: normed.view, query: query.view,
            key: key.view, value: value.view, queryHeads: queryHeads, keyHeads: keyHeads,
            probabilities: probabilities, attended: attended.view,
            middle: middle.view, feedForwardInverse: secondInverse.view, feedForwardNormed: second.view,
            gate: gate.view, up: up.view, activated: activated.view, output: output)
    }

    /// One block backward: `dx` holds the gradient of the block's output and becomes that of its input
    /// (rows × D); parameter gradients are added to `g`, or those of the adapter to its own.
    /// - Parameters:
    ///   - a: what ``forwardBlock(_:_:table:)`` kept of the block.
    ///   - g: nil where the weights are frozen.
    func backwardBlock(
        _ index: Int, _ a: BlockActivations, _ dx: MutableMatrix, table: RotaryTable,
        into g: BlockParameters<MutableMatrix>?
    ) {
        let c = transformer.configuration
        let w = weights.forward.blocks[index]
        let t = weights.transposed?.blocks[index]
        func role(_ role: ParameterRole.BlockRole) -> ParameterRole { .block(index, role) }
        let n = dx.rows

        // Feed-forward half: output = middle + down(silu(gate) * up).
        let dActivated = arena.matrix(n, c.feedForwardWidth)
        let dGate = arena.matrix(n, c.feedForwardWidth)
        let dUp = arena.matrix(n, c.feedForwardWidth)
        let dNormed = arena.matrix(n, c.width)
        linearBackward(
            role(.down), dx.view, a.activated, w.down, transposed: t?.down, into: dActivated,
            weightGradient: g?.down)
        Kernels.swigluBackward(dActivated.view, gate: a.gate, up: a.up, dGate: dGate, dUp: dUp)
        linearBackward(
            role(.gate), dGate.view, a.feedForwardNormed, w.gate, transposed: t?.gate, into: dNormed,
            weightGradient: g?.gate)
        linearBackward(
            role(.up), dUp.view, a.feedForwardNormed, w.up, transposed: t?.up, into: dNormed,
            accumulate: true, weightGradient: g?.up)
        Kernels.rmsNormBackward(
            dNormed.view, x: a.middle, inverse: a.feedForwardInverse, weight: w.feedForwardNorm.matrix,
            dx: dx, dWeight: g?.feedForwardNorm ?? arena.zeros(1, c.width))

        // Attention half: middle = input + attentionOutput(attention(norm(input))).
        let dAttended = arena.matrix(n, c.queryWidth)
        linearBackward(
            role(.attentionOutput), dx.view, a.attended, w.attentionOutput, transposed: t?.attentionOutput,
            into: dAttended, weightGradient: g?.attentionOutput)
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
                probabilities: a.probabilities[sequence], dQuery: dQuery.slice(rows: range),
                dKeys: dKey.slice(rows: range), dValues: dValue.slice(rows: range), arena, threads: threads)
            arena.release(to: mark)
        }
        Kernels.rope(dQuery, table: table, positions: layout.positions, headWidth: c.headWidth, inverse: true)
        Kernels.rope(dKey, table: table, positions: layout.positions, headWidth: c.headWidth, inverse: true)
        normHeadsBackward(&dQuery, a.queryHeads, weight: w.queryNorm?.matrix, dWeight: g?.queryNorm)
        normHeadsBackward(&dKey, a.keyHeads, weight: w.keyNorm?.matrix, dWeight: g?.keyNorm)
        for (name, gradient, weight, transposed, dWeight, dBias) in [
            (ParameterRole.BlockRole.query, dQuery, w.query, t?.query, g?.query, g?.queryBias),
            (.key, dKey, w.key, t?.key, g?.key, g?.keyBias),
            (.value, dValue, w.value, t?.value, g?.value, g?.valueBias),
        ] {
            linearBackward(
                role(name), gradient.view, a.attentionNormed, weight, transposed: transposed, into: dNormed,
                accumulate: name != .query, weightGradient: dWeight)
            if let dBias { Kernels.sumRows(gradient.view, into: dBias) }
        }
        Kernels.rmsNormBackward(
            dNormed.view, x: a.input, inverse: a.attentionInverse, weight: w.attentionNorm.matrix, dx: dx,
            dWeight: g?.attentionNorm ?? arena.zeros(1, c.width))
    }
}
