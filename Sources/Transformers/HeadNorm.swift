internal import Numerics

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
