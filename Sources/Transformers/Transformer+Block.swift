internal import Numerics

extension Transformer {
    /// One block: `into = y + down(swiglu(norm(y)))` with `y = x + attention(norm(x))`.
    ///
    /// x is rows × D. With `kept`, only those packed rows are computed after the keys and values, and `into` has
    /// one row for each of them.
    func forwardBlock(
        _ index: Int, _ x: Matrix, kept: [Int]?, inputs: [ForwardInput], layout: RaggedLayout,
        table: RotaryTable, workspace: Workspace, into result: MutableMatrix
    ) {
        let c = configuration
        let w = weights.blocks[index]
        let arena = workspace.arena
        let threads = workspace.threads
        func linear(_ x: LinearInput, _ weight: Weight, _ bias: Weight? = nil, into y: MutableMatrix) {
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

        let y = arena.matrix(queried.rows, c.width)
        linear(w.attentionOutput.input(attended.view, arena, threads: threads), w.attentionOutput, into: y)
        Kernels.add(kept.map { gather(x, $0, arena) } ?? x, to: y)

        Kernels.rmsNorm(
            y.view, weight: w.feedForwardNorm.matrix, into: result, inverse: arena.matrix(y.rows, 1),
            epsilon: c.normEpsilon)
        let gate = arena.matrix(y.rows, c.feedForwardWidth)
        let up = arena.matrix(y.rows, c.feedForwardWidth)
        let second = w.gate.input(result.view, arena, threads: threads)
        linear(second, w.gate, into: gate)
        linear(second, w.up, into: up)
        let activated = arena.matrix(y.rows, c.feedForwardWidth)
        Kernels.swiglu(gate: gate.view, up: up.view, into: activated, threads: threads)
        linear(w.down.input(activated.view, arena, threads: threads), w.down, into: result)
        Kernels.add(y.view, to: result)
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
            let limits = rows.map { row -> Int32 in
                let horizon = input.attention.horizon(of: input.firstPosition + row)
                if horizon == .max { return Int32(keys.rows) }
                return Int32(cached + min(range.count, max(0, horizon - input.firstPosition)))
            }
            if !rows.isEmpty {
                let slice = queryStart..<queryStart + rows.count
                attention.forward(
                    query: query.slice(rows: slice), keys: keys, values: values, limits: limits,
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
                input.attention == .bidirectional, "a cache is overwritten in bidirectional models only")
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
