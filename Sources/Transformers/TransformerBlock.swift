internal import Numerics

extension Transformer {
    /// One block: `into = y + down(swiglu(norm(y)))` with `y = x + attention(norm(x))`, less what `skips` leaves out.
    ///
    /// x is rows × D. With `kept`, only those packed rows are computed after the keys and values, and `into` has
    /// one row for each of them.
    func forwardBlock(
        _ index: Int, _ x: Matrix, kept: [Int]?, skipping skips: LayerSkips?, inputs: [ForwardInput],
        layout: RaggedLayout, table: RotaryTable, workspace: Workspace, into result: MutableMatrix
    ) {
        let c = configuration
        let w = weights.blocks[index]
        let arena = workspace.arena
        let threads = workspace.threads
        let skipsAttention = skips?.attention.contains(index) ?? false
        let y = arena.matrix(kept?.count ?? x.rows, c.width)
        if !skipsAttention {
            attentionHalf(
                index, x, kept: kept, inputs: inputs, layout: layout, table: table, workspace: workspace,
                into: y)
            Kernels.add(kept.map { gather(x, $0, arena) } ?? x, to: y)
        }
        // What isn't computed is what came in.
        let middle = skipsAttention ? x : y.view
        if skips?.feedForward.contains(index) ?? false { return result.copy(from: middle) }

        Kernels.rmsNorm(
            middle, weight: w.feedForwardNorm.matrix, into: result, inverse: arena.matrix(middle.rows, 1),
            epsilon: c.normEpsilon)
        let gate = arena.matrix(middle.rows, c.feedForwardWidth)
        let up = arena.matrix(middle.rows, c.feedForwardWidth)
        let second = w.gate.input(result.view, arena, threads: threads)
        w.gate.multiply(second, into: gate, arena, threads: threads)
        w.up.multiply(second, into: up, arena, threads: threads)
        let activated = arena.matrix(middle.rows, c.feedForwardWidth)
        Kernels.swiglu(gate: gate.view, up: up.view, into: activated, threads: threads)
        w.down.multiply(
            w.down.input(activated.view, arena, threads: threads), into: result, arena, threads: threads)
        Kernels.add(middle, to: result)
    }

    /// `into = attention(norm(x))`, a row for each that is kept.
    private func attentionHalf(
        _ index: Int, _ x: Matrix, kept: [Int]?, inputs: [ForwardInput], layout: RaggedLayout,
        table: RotaryTable, workspace: Workspace, into y: MutableMatrix
    ) {
        let c = configuration
        let w = weights.blocks[index]
        let arena = workspace.arena
        let threads = workspace.threads
        func linear(_ x: LinearInput, _ weight: Weight, _ bias: Weight?, into y: MutableMatrix) {
            weight.multiply(x, into: y, arena, threads: threads)
            if let bias { Kernels.addRow(bias.matrix, to: y) }
        }
        let normed = arena.matrix(x.rows, c.width)
        let inverse = arena.matrix(x.rows, 1)
        Kernels.rmsNorm(
            x, weight: w.attentionNorm.matrix, into: normed, inverse: inverse, epsilon: c.normEpsilon)
        var key = arena.matrix(x.rows, c.keyValueWidth)
        let value = arena.matrix(x.rows, c.keyValueWidth)
        let all = w.key.input(normed.view, arena, threads: threads)
        linear(all, w.key, w.keyBias, into: key)
        linear(all, w.value, w.valueBias, into: value)
        if let norm = w.keyNorm { key = normHeads(key.view, norm.matrix, arena).result }
        Kernels.rope(key, table: table, positions: layout.positions, headWidth: c.headWidth)

        let queried =
            kept.map { w.query.input(gather(normed.view, $0, arena), arena, threads: threads) } ?? all
        var query = arena.matrix(queried.rows, c.queryWidth)
        linear(queried, w.query, w.queryBias, into: query)
        if let norm = w.queryNorm { query = normHeads(query.view, norm.matrix, arena).result }
        let positions = kept.map { $0.map { layout.positions[$0] } } ?? layout.positions
        Kernels.rope(query, table: table, positions: positions, headWidth: c.headWidth)

        let attended = arena.matrix(queried.rows, c.queryWidth)
        attend(
            index, query: query.view, key: key, value: value, kept: kept, inputs: inputs, layout: layout,
            workspace: workspace, into: attended)
        linear(
            w.attentionOutput.input(attended.view, arena, threads: threads), w.attentionOutput, nil, into: y)
    }

    /// Attention of every sequence with its own cache; `into` has the rows of `query`.
    private func attend(
        _ index: Int, query: Matrix, key: MutableMatrix, value: MutableMatrix, kept: [Int]?,
        inputs: [ForwardInput], layout: RaggedLayout, workspace: Workspace, into result: MutableMatrix
    ) {
        let attention = Attention(configuration)
        let isLast = index == configuration.layers - 1
        var queryStart = 0
        for (sequence, input) in inputs.enumerated() {
            let range = layout.range(sequence)
            let rows = kept.map { _ in input.logitRows } ?? Array(0..<range.count)
            let own = (key.slice(rows: range), value.slice(rows: range))
            let (keys, values) = place(own, of: input, layer: index)
            let cached = keys.rows - range.count
            let visible = input.visible(to: rows, cached: cached)
            if !rows.isEmpty {
                let slice = queryStart..<queryStart + rows.count
                attention.forward(
                    query: query.slice(rows: slice), keys: keys, values: values, visible: visible,
                    output: result.slice(rows: slice), workspace)
            }
            queryStart += rows.count
            if isLast, let cache = input.cache, case .append(let count) = input.cacheUpdate {
                cache.extend(by: count)
            }
        }
    }

    /// Keys and values that one sequence attends to: its own, behind or inside those of its cache.
    ///
    /// New rows are written behind the cache's length even when they won't be kept, so that one product covers
    /// both; only the length says what the cache holds.
    private func place(
        _ own: (key: MutableMatrix, value: MutableMatrix), of input: ForwardInput, layer: Int
    ) -> (keys: Matrix, values: Matrix) {
        guard let cache = input.cache else { return (own.key.view, own.value.view) }
        let count = own.key.rows
        let start: Int
        let total: Int
        switch input.cacheUpdate {
        case .overwrite(let at):
            precondition(
                at >= 0 && at + count <= cache.length, "rows \(at)+\(count) of a cache of \(cache.length)")
            precondition(
                input.attention == .bidirectional && input.geometry == nil,
                "a cache is overwritten in bidirectional models only")
            (start, total) = (at, cache.length)
        case .append(let kept):
            precondition(kept >= 0 && kept <= count, "can't keep \(kept) of \(count) positions")
            (start, total) = (cache.length, cache.length + count)
        case .none:
            (start, total) = (cache.length, cache.length + count)
        }
        cache.reserve(total)
        let keys = cache.keyMatrix(layer, rows: total)
        let values = cache.valueMatrix(layer, rows: total)
        keys.slice(rows: start..<start + count).copy(from: own.key.view)
        values.slice(rows: start..<start + count).copy(from: own.value.view)
        return (keys.view, values.view)
    }
}

/// What one block keeps for its gradient: N packed rows, n of them wanted.
///
/// Input, its norm, keys and values have one row per packed token, all others one for each of ``wanted``.
struct BlockActivations {
    /// The packed rows whose output is computed; nil for all.
    var wanted: [Int]?
    /// N × D.
    var input: Matrix
    /// 1 / rms of each row of the input, N × 1.
    var attentionInverse: Matrix
    /// The normed input, N × D.
    var attentionNormed: Matrix
    /// The rows of ``attentionNormed`` that queries are made of, n × D.
    var queried: Matrix
    /// As attention takes them, normed and rotated: n × H·K.
    var query: Matrix
    /// As attention takes them, normed and rotated: N × kv·K.
    var key: Matrix
    /// N × kv·K.
    var value: Matrix
    /// Present where the model norms its heads.
    var queryHeads: HeadNorm?
    /// Present where the model norms its heads.
    var keyHeads: HeadNorm?
    /// Softmax of each sequence: heads · its wanted rows × T.
    var probabilities: [Matrix]
    /// What attention gives, n × H·K.
    var attended: Matrix
    /// Input and attention's half together, n × D.
    var middle: Matrix
    /// 1 / rms of each row of ``middle``, n × 1.
    var feedForwardInverse: Matrix
    /// ``middle`` normed, n × D.
    var feedForwardNormed: Matrix
    /// n × F.
    var gate: Matrix
    /// n × F.
    var up: Matrix
    /// silu(gate) · up, n × F.
    var activated: Matrix
    /// n × D.
    var output: MutableMatrix
}

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
            let visible =
                wanted == nil
                ? input.visible(to: 0..<range.count, cached: 0)
                : input.visible(to: input.logitRows, cached: 0)
            attention.forward(
                query: query.view.slice(rows: rows), keys: key.view.slice(rows: range),
                values: value.view.slice(rows: range), visible: visible, probabilities: p,
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

/// What the norm of each head (``TransformerConfiguration/queryKeyNorm``) keeps for its gradient.
struct HeadNorm {
    /// What was normed, N × H·K.
    var input: Matrix
    /// 1 / rms of every head of every row, N·H × 1.
    var inverse: Matrix
}

extension Matrix {
    /// The same elements with one head per row: N × H·K becomes N·H × K.
    func perHead(_ headWidth: Int) -> Matrix {
        precondition(isContiguous && columns % headWidth == 0, "\(columns) columns of heads of \(headWidth)")
        return Matrix(
            owner: owner, pointer: pointer, rows: rows * (columns / headWidth), columns: headWidth,
            stride: headWidth)
    }
}

extension MutableMatrix {
    /// The same elements with one head per row: N × H·K becomes N·H × K.
    func perHead(_ headWidth: Int) -> MutableMatrix {
        precondition(isContiguous && columns % headWidth == 0, "\(columns) columns of heads of \(headWidth)")
        return MutableMatrix(
            owner: owner, pointer: pointer, rows: rows * (columns / headWidth), columns: headWidth,
            stride: headWidth)
    }
}

extension Transformer {
    /// RMS norm of every head of x (N × H·K) with one weight (1 × K), into new memory of the arena.
    func normHeads(_ x: Matrix, _ weight: Matrix, _ arena: Arena) -> (result: MutableMatrix, kept: HeadNorm) {
        let heads = x.perHead(configuration.headWidth)
        let result = arena.matrix(x.rows, x.columns)
        let inverse = arena.matrix(heads.rows, 1)
        Kernels.rmsNorm(
            heads, weight: weight, into: result.perHead(configuration.headWidth), inverse: inverse,
            epsilon: configuration.normEpsilon)
        return (result, HeadNorm(input: x, inverse: inverse.view))
    }
}

extension TrainingPass {
    /// Norms the heads of x (N × H·K) where the model has a weight for it; what the gradient needs, or nil.
    func normHeads(_ x: inout MutableMatrix, _ weight: Matrix?) -> HeadNorm? {
        guard let weight else { return nil }
        let (result, kept) = transformer.normHeads(x.view, weight, arena)
        x = result
        return kept
    }

    /// Turns the gradient of the normed heads (N × H·K) into that of what was normed; adds to `dWeight` (1 × K), which is
    /// nil where the weights are frozen.
    func normHeadsBackward(
        _ gradient: inout MutableMatrix, _ kept: HeadNorm?, weight: Matrix?, dWeight: MutableMatrix?
    ) {
        guard let kept, let weight else { return }
        let width = transformer.configuration.headWidth
        let dx = arena.zeros(gradient.rows, gradient.columns)
        Kernels.rmsNormBackward(
            gradient.view.perHead(width), x: kept.input.perHead(width), inverse: kept.inverse, weight: weight,
            dx: dx.perHead(width), dWeight: dWeight ?? arena.zeros(1, width))
        gradient = dx
    }
}
