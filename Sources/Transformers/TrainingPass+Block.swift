internal import Numerics

extension TrainingPass {
    /// One block forward over x (rows × D), as ``Transformer``'s, keeping every intermediate result.
    ///
    /// With `wanted`, only those packed rows are computed after the keys and values, and the output has one row for
    /// each of them.
    func forwardBlock(_ index: Int, _ x: Matrix, wanted: [Int]?, table: RotaryTable) -> BlockActivations {
        let c = transformer.configuration
        let w = weights.forward.blocks[index]
        func role(_ role: ParameterRole.BlockRole) -> ParameterRole { .block(index, role) }
        let n = wanted?.count ?? x.rows
        let normed = arena.matrix(x.rows, c.width)
        let inverse = arena.matrix(x.rows, 1)
        Kernels.rmsNorm(
            x, weight: w.attentionNorm.matrix, into: normed, inverse: inverse, epsilon: c.normEpsilon)
        let queried = wanted.map { transformer.gather(normed.view, $0, arena) } ?? normed.view
        var query = arena.matrix(n, c.queryWidth)
        var key = arena.matrix(x.rows, c.keyValueWidth)
        let value = arena.matrix(x.rows, c.keyValueWidth)
        let projections = [
            (role(.query), w.query, w.queryBias, query), (role(.key), w.key, w.keyBias, key),
            (role(.value), w.value, w.valueBias, value),
        ]
        if wanted == nil {
            linear(normed.view, projections)
        } else {
            linear(queried, Array(projections[..<1]))
            linear(normed.view, Array(projections[1...]))
        }
        let queryHeads = normHeads(&query, w.queryNorm?.matrix)
        let keyHeads = normHeads(&key, w.keyNorm?.matrix)
        Kernels.rope(query, table: table, positions: positions(of: wanted), headWidth: c.headWidth)
        Kernels.rope(key, table: table, positions: layout.positions, headWidth: c.headWidth)

        let attended = arena.matrix(n, c.queryWidth)
        let attention = Attention(c)
        var probabilities: [Matrix] = []
        for (sequence, rows) in attendedRows(wanted).enumerated() {
            let range = layout.range(sequence)
            let p = arena.matrix(c.heads * rows.count, range.count)
            probabilities.append(p.view)
            if rows.isEmpty { continue }
            let input = inputs[sequence]
            let limits = positions(of: wanted)[rows].map { position -> Int32 in
                let horizon = input.attention.horizon(of: Int(position))
                return Int32(
                    horizon == .max ? range.count : min(range.count, max(0, horizon - input.firstPosition)))
            }
            attention.forward(
                query: query.view.slice(rows: rows), keys: key.view.slice(rows: range),
                values: value.view.slice(rows: range), limits: limits, probabilities: p,
                output: attended.slice(rows: rows), threads: threads)
        }

        let middle = arena.matrix(n, c.width)
        linear(attended.view, [(role(.attentionOutput), w.attentionOutput, nil, middle)])
        Kernels.add(wanted.map { transformer.gather(x, $0, arena) } ?? x, to: middle)
        let second = arena.matrix(n, c.width)
        let secondInverse = arena.matrix(n, 1)
        Kernels.rmsNorm(
            middle.view, weight: w.feedForwardNorm.matrix, into: second, inverse: secondInverse,
            epsilon: c.normEpsilon)
        let gate = arena.matrix(n, c.feedForwardWidth)
        let up = arena.matrix(n, c.feedForwardWidth)
        let activated = arena.matrix(n, c.feedForwardWidth)
        linear(second.view, [(role(.gate), w.gate, nil, gate), (role(.up), w.up, nil, up)])
        Kernels.swiglu(gate: gate.view, up: up.view, into: activated, threads: threads)
        let output = arena.matrix(n, c.width)
        linear(activated.view, [(role(.down), w.down, nil, output)])
        Kernels.add(middle.view, to: output)
        return BlockActivations(
            wanted: wanted, input: x, attentionInverse: inverse.view, attentionNormed: normed.view,
            queried: queried, query: query.view, key: key.view, value: value.view, queryHeads: queryHeads,
            keyHeads: keyHeads, probabilities: probabilities, attended: attended.view,
            middle: middle.view, feedForwardInverse: secondInverse.view, feedForwardNormed: second.view,
            gate: gate.view, up: up.view, activated: activated.view, output: output)
    }

    /// The positions of the wanted packed rows, or of all.
    private func positions(of wanted: [Int]?) -> [Int32] {
        wanted.map { $0.map { layout.positions[$0] } } ?? layout.positions
    }

    /// Of each sequence, which of the wanted rows, or of all, are its own.
    private func attendedRows(_ wanted: [Int]?) -> [Range<Int>] {
        guard wanted != nil else { return inputs.indices.map(layout.range) }
        var start = 0
        return inputs.map { input in
            defer { start += input.logitRows.count }
            return start..<start + input.logitRows.count
        }
    }

    /// One block backward: `output` holds the gradient of the block's output, `dx` becomes that of its input (rows × D);
    /// parameter gradients are added to `g`, or those of the adapter to its own.
    /// - Parameters:
    ///   - a: what ``forwardBlock(_:_:wanted:table:)`` kept of the block.
    ///   - d: one row for each that was wanted; the same as `dx` where all were, and overwritten.
    ///   - dx: zeros where `d` is another.
    ///   - g: nil where the weights are frozen.
    func backwardBlock(
        _ index: Int, _ a: BlockActivations, output d: MutableMatrix, _ dx: MutableMatrix, table: RotaryTable,
        into g: BlockParameters<MutableMatrix>?
    ) {
        let c = transformer.configuration
        let w = weights.forward.blocks[index]
        let t = weights.transposed?.blocks[index]
        func role(_ role: ParameterRole.BlockRole) -> ParameterRole { .block(index, role) }
        let n = d.rows

        // Feed-forward half: output = middle + down(silu(gate) * up).
        let dActivated = arena.matrix(n, c.feedForwardWidth)
        let dGate = arena.matrix(n, c.feedForwardWidth)
        let dUp = arena.matrix(n, c.feedForwardWidth)
        let dSecond = arena.matrix(n, c.width)
        // The same memory: one is done with when the other begins.
        let dQueried = dSecond
        linearBackward(
            role(.down), d.view, a.activated, rows: a.wanted, w.down, transposed: t?.down, into: dActivated,
            weightGradient: g?.down)
        Kernels.swigluBackward(dActivated.view, gate: a.gate, up: a.up, dGate: dGate, dUp: dUp)
        linearBackward(
            role(.gate), dGate.view, a.feedForwardNormed, rows: a.wanted, w.gate, transposed: t?.gate,
            into: dSecond, weightGradient: g?.gate)
        linearBackward(
            role(.up), dUp.view, a.feedForwardNormed, rows: a.wanted, w.up, transposed: t?.up, into: dSecond,
            accumulate: true, weightGradient: g?.up)
        Kernels.rmsNormBackward(
            dSecond.view, x: a.middle, inverse: a.feedForwardInverse, weight: w.feedForwardNorm.matrix,
            dx: d, dWeight: g?.feedForwardNorm ?? arena.zeros(1, c.width))

        // Attention half: middle = input + attentionOutput(attention(norm(input))).
        let dAttended = arena.matrix(n, c.queryWidth)
        linearBackward(
            role(.attentionOutput), d.view, a.attended, rows: a.wanted, w.attentionOutput,
            transposed: t?.attentionOutput, into: dAttended, weightGradient: g?.attentionOutput)
        if let wanted = a.wanted { add(d.view, toRows: wanted, of: dx) }
        var dQuery = arena.matrix(n, c.queryWidth)
        var dKey = arena.zeros(dx.rows, c.keyValueWidth)
        let dValue = arena.zeros(dx.rows, c.keyValueWidth)
        let attention = Attention(c)
        for (sequence, rows) in attendedRows(a.wanted).enumerated() where !rows.isEmpty {
            let range = layout.range(sequence)
            let mark = arena.mark
            attention.backward(
                dOutput: dAttended.view.slice(rows: rows), query: a.query.slice(rows: rows),
                rows: a.wanted.map { _ in inputs[sequence].logitRows },
                keys: a.key.slice(rows: range), values: a.value.slice(rows: range),
                probabilities: a.probabilities[sequence], dQuery: dQuery.slice(rows: rows),
                dKeys: dKey.slice(rows: range), dValues: dValue.slice(rows: range), arena, threads: threads)
            arena.release(to: mark)
        }
        Kernels.rope(
            dQuery, table: table, positions: positions(of: a.wanted), headWidth: c.headWidth, inverse: true)
        Kernels.rope(dKey, table: table, positions: layout.positions, headWidth: c.headWidth, inverse: true)
        normHeadsBackward(&dQuery, a.queryHeads, weight: w.queryNorm?.matrix, dWeight: g?.queryNorm)
        normHeadsBackward(&dKey, a.keyHeads, weight: w.keyNorm?.matrix, dWeight: g?.keyNorm)
        linearBackward(
            role(.query), dQuery.view, a.queried, rows: a.wanted, w.query, transposed: t?.query,
            into: dQueried, weightGradient: g?.query)
        if let dBias = g?.queryBias { Kernels.sumRows(dQuery.view, into: dBias) }
        let dNormed = a.wanted == nil ? dQueried : arena.zeros(dx.rows, c.width)
        if let wanted = a.wanted { add(dQueried.view, toRows: wanted, of: dNormed) }
        for (name, gradient, weight, transposed, dWeight, dBias) in [
            (ParameterRole.BlockRole.key, dKey, w.key, t?.key, g?.key, g?.keyBias),
            (.value, dValue, w.value, t?.value, g?.value, g?.valueBias),
        ] {
            linearBackward(
                role(name), gradient.view, a.attentionNormed, weight, transposed: transposed, into: dNormed,
                accumulate: true, weightGradient: dWeight)
            if let dBias { Kernels.sumRows(gradient.view, into: dBias) }
        }
        Kernels.rmsNormBackward(
            dNormed.view, x: a.input, inverse: a.attentionInverse, weight: w.attentionNorm.matrix, dx: dx,
            dWeight: g?.attentionNorm ?? arena.zeros(1, c.width))
    }
}
