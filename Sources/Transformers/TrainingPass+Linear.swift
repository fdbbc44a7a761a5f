internal import Numerics

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
