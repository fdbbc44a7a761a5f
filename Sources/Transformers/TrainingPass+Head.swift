public import Numerics

/// Weights of the loss terms of one row; a row with both zero contributes nothing.
public struct RowLossWeights: Sendable {
    public var crossEntropy: Float
    public var entropy: Float

    public init(crossEntropy: Float, entropy: Float = 0) {
        self.crossEntropy = crossEntropy
        self.entropy = entropy
    }
}

/// Distributions that some rows are trained towards instead of their target token.
public struct SoftTargets: Sendable {
    /// One distribution over the vocabulary per row.
    public var probabilities: Matrix
    /// For each hidden row the row of ``probabilities`` that is its target, or nil for its token.
    public var rows: [Int?]

    public init(probabilities: Matrix, rows: [Int?]) {
        self.probabilities = probabilities
        self.rows = rows
    }

    func distribution(_ row: Int) -> UnsafeBufferPointer<Float>? { rows[row].map { probabilities.row($0) } }
}

extension TrainingPass {
    /// Rows of logits that exist at a time: the head is streamed, so nothing of size rows × V is kept.
    private static let chunk = 256

    /// Loss terms of every hidden row against its target token, or its distribution where it has one.
    public func rowLosses(targets: [Int32], soft: SoftTargets? = nil, temperature: Float) -> [RowLoss] {
        precondition(targets.count == hidden.rows, "\(targets.count) targets for \(hidden.rows) rows")
        var result: [RowLoss] = []
        result.reserveCapacity(targets.count)
        forEachChunk { logits, rows in
            for (i, row) in rows.enumerated() {
                var loss = Kernels.rowLoss(logits.view.row(i), target: targets[row], temperature: temperature)
                if let distribution = soft?.distribution(row) {
                    loss.crossEntropy = Kernels.softCrossEntropy(logits.view.row(i), target: distribution)
                }
                result.append(loss)
            }
        }
        return result
    }

    /// Gradient of ``hidden`` for the weighted loss terms; adds the head's own gradient to `gradients`, if there are any.
    public func headBackward(
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
                    Kernels.softCrossEntropyBackward(
                        logits.view.row(i), target: distribution, weight: weights[row].crossEntropy,
                        into: gradient.row(i))
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
