package import Numerics

/// Forward and backward pass over one ragged batch, with the activations kept in between.
///
/// Explicit gradients, layer by layer, no tape. Use: ``forward(_:)`` once, then ``hidden`` to compute a loss,
/// then ``backward(_:into:)`` once with the gradient of ``hidden``. Not thread-safe: one per worker; its memory is
/// reused from batch to batch.
package final class TrainingPass {
    let transformer: Transformer
    /// Where memory comes from at the moment: ``kept`` or ``scratch``.
    var arena: Arena
    /// What is needed until the gradient is computed.
    private let kept: Arena
    /// What is given back before: the same as ``kept``, or shared by passes that compute one after another.
    private let scratch: Arena
    /// Threads inside of products; results don't show them.
    package var threads: Int
    /// What is trained where the weights aren't.
    let adapter: LowRankLayers?
    /// What backward passes add the adapter's gradients to, ``LowRankLayers/count`` elements.
    package var lowRankGradient: FloatBuffer?
    private let workspace = Workspace()
    var layout = RaggedLayout([], vocabulary: 0)
    var inputs: [ForwardInput] = []
    /// What linear layers compute with.
    let weights: TrainingWeights
    /// Keeps the blocks' inputs only and computes the rest of a block's activations again when its gradient needs
    /// them: the same bits for a third more work and a fraction of the memory.
    package var recomputes = false
    private var blocks: [KeptBlock] = []
    /// The rows of the last block that a loss looks at, where it computes no others after keys and values.
    ///
    /// Leaving the others out changes no bit: their gradients are zero, and sums over rows are cut as before. Only those of
    /// bfloat16 take rows in pairs.
    private var wantedRows: [Int]?
    private var last: Matrix?
    private var finalInverse: Matrix?
    private var normed: Matrix?

    private enum KeptBlock {
        case activations(BlockActivations)
        case input(Matrix)
    }

    /// - Parameters:
    ///   - transformer: usually ``Transformer/init(over:)`` the parameters in training.
    ///   - weights: those of `transformer` in the form to compute with; 32-bit floats where they aren't given.
    package init(_ transformer: Transformer, _ weights: TrainingWeights? = nil) {
        self.transformer = transformer
        self.weights = weights ?? TrainingWeights(transformer, .float32)
        // Batches have other numbers of tokens each time: blocks of memory cut for one would lie unused by the next.
        kept = Arena(consolidates: true)
        (scratch, arena, threads, adapter) = (kept, kept, 1, nil)
    }

    /// A pass of a model whose weights are frozen, as they are stored or in 32-bit floats.
    ///
    /// - Parameters:
    ///   - adapter: what is trained.
    ///   - scratch: shared by passes that compute one after another, so that each keeps only what its gradient needs.
    ///   - threads: how many threads products may use.
    package init(_ transformer: Transformer, training adapter: LowRankLayers, scratch: Arena, threads: Int) {
        self.transformer = transformer
        weights = TrainingWeights(transformer, .float32)
        kept = Arena(minimumChunk: 1 << 10, consolidates: true)
        (self.scratch, arena) = (scratch, kept)
        (self.threads, self.adapter) = (threads, adapter)
    }

    /// Bytes of memory held for activations, and for scratch that isn't shared.
    package var bytes: Int { kept.bytes }

    /// Final-normed rows that logits are wanted for, Σ |logitRows| × D; valid until the next ``forward(_:)``.
    package var hidden: Matrix {
        guard let normed else { preconditionFailure("hidden states exist after a forward pass") }
        return normed
    }

    /// Runs the model over `inputs` (without caches) and keeps what the gradient needs.
    package func forward(_ inputs: [ForwardInput]) {
        precondition(inputs.allSatisfy { $0.cache == nil }, "training uses no cache")
        let c = transformer.configuration
        arena = kept
        kept.reset()
        scratch.reset()
        self.inputs = inputs
        layout = RaggedLayout(inputs, vocabulary: c.vocabulary)
        let selects = weights.transposed == nil && c.layers > 0 && layout.logitRows.count < layout.rows
        wantedRows = selects ? layout.logitRows : nil
        let table = rotaryTable
        var x = arena.matrix(layout.rows, c.width)
        transformer.embed(inputs, layout, into: x, arena)
        if !c.tiedHead { transformer.weights.embedding.advise(isNeeded: false) }
        blocks = []
        for i in 0..<c.layers {
            expect(block: i + 1)
            defer { release(block: i) }
            guard recomputes else {
                let activations = forwardBlock(i, x.view, wanted: wanted(of: i), table: table)
                blocks.append(.activations(activations))
                x = activations.output
                continue
            }
            blocks.append(.input(x.view))
            let output = kept.matrix(wanted(of: i)?.count ?? layout.rows, c.width)
            arena = scratch
            let mark = arena.mark
            output.copy(from: forwardBlock(i, x.view, wanted: wanted(of: i), table: table).output.view)
            arena.release(to: mark)
            arena = kept
            x = output
        }
        let rows = wantedRows == nil ? transformer.gather(x.view, layout.logitRows, arena) : x.view
        let final = arena.matrix(rows.rows, c.width)
        let inverse = arena.matrix(rows.rows, 1)
        Kernels.rmsNorm(
            rows, weight: weights.forward.finalNorm.matrix, into: final, inverse: inverse,
            epsilon: c.normEpsilon)
        last = rows
        finalInverse = inverse.view
        normed = final.view
        arena = scratch
    }

    /// Adds the gradients of all parameters but the head to `gradients`, or those of the adapter to its own.
    /// - Parameters:
    ///   - dHidden: the gradient of ``hidden``, Σ |logitRows| × D, as
    ///     ``headBackward(targets:soft:weights:temperature:into:)`` gives it.
    ///   - gradients: nil where the weights are frozen.
    package func backward(_ dHidden: Matrix, into gradients: FlatParameters?) {
        guard let last, let finalInverse else { preconditionFailure("backward follows forward") }
        let c = transformer.configuration
        let table = rotaryTable
        let dLast = arena.zeros(last.rows, c.width)
        Kernels.rmsNormBackward(
            dHidden, x: last, inverse: finalInverse, weight: weights.forward.finalNorm.matrix, dx: dLast,
            dWeight: gradients?.views.finalNorm ?? arena.zeros(1, c.width))
        let dx = arena.zeros(layout.rows, c.width)
        if wantedRows == nil { add(dLast.view, toRows: layout.logitRows, of: dx) }
        for i in (0..<c.layers).reversed() {
            let mark = arena.mark
            expect(block: i - 1)
            defer { release(block: i) }
            let activations =
                switch blocks[i] {
                case .activations(let kept): kept
                case .input(let x): forwardBlock(i, x, wanted: wanted(of: i), table: table)
                }
            backwardBlock(
                i, activations, output: wanted(of: i) == nil ? dx : dLast, dx, table: table,
                into: gradients?.views.blocks[i])
            arena.release(to: mark)
        }
        guard let embedding = gradients?.views.embedding else { return }
        let residuals = residualBackward(dx, into: embedding)
        for (row, token) in layout.tokens.enumerated() {
            let own = residuals[row].map { 1 - $0 } ?? 1
            Kernels.axpy(own, dx.pointer + row * dx.stride, to: embedding.row(Int(token)))
        }
    }

    /// Adds what flows through residuals into the table of embeddings (V × D): share · p ⊗ dx of each.
    ///
    /// - Returns: The residuals' shares by packed row.
    private func residualBackward(_ dx: MutableMatrix, into embedding: MutableMatrix) -> [Int: Float] {
        var shares: [Int: Float] = [:]
        for (sequence, input) in inputs.enumerated() {
            for residual in input.residuals {
                let row = layout.offsets[sequence] + residual.row
                shares[row] = residual.share
                guard case .distribution(let probabilities, flows: true) = residual.content else { continue }
                BLAS.multiply(
                    probabilities, dx.view.slice(rows: row..<row + 1), transposeA: true, into: embedding,
                    scale: residual.share, accumulate: true)
            }
        }
        return shares
    }

    /// The rows of a block that are computed after its keys and values; nil for all.
    private func wanted(of block: Int) -> [Int]? {
        block == transformer.configuration.layers - 1 ? wantedRows : nil
    }

    /// Adds the rows of x to the given rows of y.
    func add(_ x: Matrix, toRows rows: [Int], of y: MutableMatrix) {
        for (i, row) in rows.enumerated() { Kernels.axpy(1, x.pointer + i * x.stride, to: y.row(row)) }
    }

    /// Gives memory back that other passes took of what they share.
    func beginBackward() {
        if scratch !== kept { scratch.reset() }
    }

    /// Has a block of frozen weights read from their files while another one is computed.
    private func expect(block index: Int) {
        guard weights.forward.blocks.indices.contains(index) else { return }
        for weight in weights.forward.blocks[index].matrices { weight.advise(isNeeded: true) }
    }

    /// Lets a block of frozen weights leave this process's memory.
    ///
    /// The system's cache keeps the files' pages as long as
    /// there is room, so that finding them again is quick, and this process needs no more than one block at a time.
    private func release(block index: Int) {
        for weight in weights.forward.blocks[index].matrices { weight.advise(isNeeded: false) }
    }

    private var rotaryTable: RotaryTable {
        workspace.rotaryTable(
            transformer.configuration, positions: Int(layout.positions.max() ?? 0) + 1)
    }
}

extension TrainingPass {
    /// `y = x · weightᵀ (+ low-rank change) (+ bias)` for several layers of the same inputs: x is rows × inputs.
    func linear(
        _ x: Matrix, _ layers: [(role: ParameterRole, weight: Weight, bias: Weight?, y: MutableMatrix)]
    ) {
        let mark = arena.mark
        defer { arena.release(to: mark) }
        let input = layers[0].weight.input(x, arena, threads: threads)
        for (role, weight, bias, y) in layers {
            weight.multiply(input, into: y, arena, threads: threads)
            addLowRank(role, x, to: y)
            if let bias { Kernels.addRow(bias.matrix, to: y) }
        }
    }

    /// Gradient of the inputs of `y = x · weightᵀ`: `dx` (+)= dy · weight.
    ///
    /// - Parameters:
    ///   - dy: rows × outputs.
    ///   - transposed: the weight's transpose where the pass computes in bfloat16.
    func inputGradient(
        _ dy: Matrix, _ weight: Weight, transposed: Weight?, into dx: MutableMatrix, accumulate: Bool = false
    ) {
        if case .frozen(let frozen) = weight {
            return frozen.multiplyTransposed(dy, into: dx, accumulate: accumulate, arena, threads: threads)
        }
        guard let transposed else {
            BLAS.multiply(dy, weight.matrix, into: dx, accumulate: accumulate, threads: threads)
            return
        }
        let mark = arena.mark
        defer { arena.release(to: mark) }
        let input = transposed.input(dy, arena)
        guard accumulate else { return transposed.multiply(input, into: dx, arena) }
        let product = arena.matrix(dx.rows, dx.columns)
        transposed.multiply(input, into: product, arena)
        Kernels.add(product.view, to: dx)
    }

    /// The gradients of `y = x · weightᵀ (+ low-rank change)`: `dx` (+)= dy · weight with what the change adds, and
    /// `dWeight` += dyᵀ · x, or those of the change.
    ///
    /// - Parameters:
    ///   - rows: which rows of the batch dy and x are, where they aren't all.
    ///   - dWeight: nil where the weight is frozen.
    func linearBackward(
        _ role: ParameterRole, _ dy: Matrix, _ x: Matrix, rows: [Int]? = nil, _ weight: Weight,
        transposed: Weight?, into dx: MutableMatrix, accumulate: Bool = false,
        weightGradient dWeight: MutableMatrix?
    ) {
        inputGradient(dy, weight, transposed: transposed, into: dx, accumulate: accumulate)
        lowRankBackward(role, dy, x, rows: rows, to: dx)
        if let dWeight { weightGradient(dy, x, rows: rows, into: dWeight) }
    }

    /// Gradient of the weight of `y = x · weightᵀ`: `dWeight` += dyᵀ · x.
    func weightGradient(_ dy: Matrix, _ x: Matrix, rows: [Int]? = nil, into dWeight: MutableMatrix) {
        if weights.transposed == nil {
            BLAS.multiplyTransposed(
                dy, x, rows: rows, of: rows == nil ? dy.rows : layout.rows, into: dWeight, accumulate: true)
        } else {
            precondition(rows == nil, "sums of bfloat16 are over all rows")
            BFloat16Gradient.add(dy, x, into: dWeight, arena)
        }
    }
}

/// Weights of the loss terms of one row; a row with both zero contributes nothing.
package struct RowLossWeights: Sendable {
    /// Factor on the row's cross-entropy, in nats, against its target.
    package var crossEntropy: Float
    /// Factor on the entropy of the row's prediction, in nats.
    package var entropy: Float

    package init(crossEntropy: Float, entropy: Float = 0) {
        self.crossEntropy = crossEntropy
        self.entropy = entropy
    }
}

/// Distributions that some rows are trained towards instead of their target token.
package struct SoftTargets: Sendable {
    /// One distribution over the vocabulary per row: targets × V.
    package var probabilities: Matrix
    /// For each hidden row the row of ``probabilities`` that is its target, or nil for its token.
    package var rows: [Int?]

    package init(probabilities: Matrix, rows: [Int?]) {
        self.probabilities = probabilities
        self.rows = rows
    }

    /// The target of a hidden row, V probabilities; nil where that is its token.
    func distribution(_ row: Int) -> UnsafeBufferPointer<Float>? { rows[row].map { probabilities.row($0) } }
}

extension TrainingPass {
    /// Rows of logits that exist at a time: the head is streamed, so nothing of size rows × V is kept.
    private static let chunk = 256

    /// Loss terms of every hidden row against its target token, or its distribution where it has one.
    ///
    /// - Parameter temperature: of the entropy's softmax, and of that which is compared with a distribution.
    package func rowLosses(targets: [Int32], soft: SoftTargets? = nil, temperature: Float) -> [RowLoss] {
        precondition(targets.count == hidden.rows, "\(targets.count) targets for \(hidden.rows) rows")
        var result: [RowLoss] = []
        result.reserveCapacity(targets.count)
        forEachChunk { logits, rows in
            for (i, row) in rows.enumerated() {
                var loss = Kernels.rowLoss(logits.view.row(i), target: targets[row], temperature: temperature)
                if let distribution = soft?.distribution(row) {
                    // The row isn't needed any more as it is.
                    if temperature != 1 { Kernels.scale(logits.row(i), by: 1 / temperature) }
                    loss.crossEntropy = Kernels.softCrossEntropy(logits.view.row(i), target: distribution)
                }
                result.append(loss)
            }
        }
        return result
    }

    /// Gradient of ``hidden`` for the weighted loss terms; adds the head's own gradient to `gradients`, if there are any.
    package func headBackward(
        targets: [Int32], soft: SoftTargets? = nil, weights: [RowLossWeights], temperature: Float,
        into gradients: FlatParameters?
    ) -> Matrix {
        precondition(
            targets.count == hidden.rows && weights.count == hidden.rows, "one target and one weight per row")
        beginBackward()
        let dHead = gradients.map { $0.views.head ?? $0.views.embedding }
        let dHidden = arena.matrix(hidden.rows, hidden.columns)
        forEachChunk { logits, rows in
            let gradient = arena.matrix(rows.count, logits.columns)
            for (i, row) in rows.enumerated() {
                if let distribution = soft?.distribution(row) {
                    precondition(weights[row].entropy == 0, "a soft target has no entropy term")
                    if temperature != 1 { Kernels.scale(logits.row(i), by: 1 / temperature) }
                    Kernels.softCrossEntropyBackward(
                        logits.view.row(i), target: distribution,
                        weight: weights[row].crossEntropy / temperature, into: gradient.row(i))
                    continue
                }
                Kernels.rowLossBackward(
                    logits.view.row(i), target: targets[row], ceWeight: weights[row].crossEntropy,
                    entropyWeight: weights[row].entropy, temperature: temperature, into: gradient.row(i))
            }
            inputGradient(
                gradient.view, self.weights.forward.headOrEmbedding,
                transposed: self.weights.transposed?.headOrEmbedding,
                into: dHidden.slice(rows: rows))
            if let dHead { weightGradient(gradient.view, hidden.slice(rows: rows), into: dHead) }
        }
        return dHidden.view
    }

    private func forEachChunk(_ body: (MutableMatrix, Range<Int>) -> Void) {
        let c = transformer.configuration
        defer { weights.forward.headOrEmbedding.advise(isNeeded: false) }
        var start = 0
        while start < hidden.rows {
            let rows = start..<min(start + Self.chunk, hidden.rows)
            let mark = arena.mark
            let logits = arena.matrix(rows.count, c.vocabulary)
            linear(hidden.slice(rows: rows), [(.head, weights.forward.headOrEmbedding, nil, logits)])
            body(logits, rows)
            arena.release(to: mark)
            start = rows.upperBound
        }
    }
}
