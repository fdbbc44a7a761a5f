public import Numerics

/// The layers of a model that a low-rank adapter in training changes.
///
/// A layer computes y = W x + s · B (A x) with W as it is: the two parts are never put together.
public struct LowRankLayers: Sendable {
    /// What is added to one layer.
    struct Layer: Sendable {
        /// Rank × inputs.
        let a: Matrix
        /// Outputs × rank.
        let b: Matrix
        /// Where the gradient of `a` begins among those of all pairs; that of `b` follows.
        let offset: Int
    }

    let scaling: Float
    /// Elements of A and B of all pairs.
    public let count: Int
    private let layers: [ParameterRole: Layer]

    /// - Parameter adapter: its matrices are read in every pass.
    public init(_ adapter: LoRAAdapter) {
        scaling = adapter.scaling
        var offset = 0
        var layers: [ParameterRole: Layer] = [:]
        for pair in adapter.pairs {
            layers[pair.role] = Layer(a: pair.a, b: pair.b, offset: offset)
            offset += pair.a.rows * pair.a.columns + pair.b.rows * pair.b.columns
        }
        self.layers = layers
        count = offset
    }

    subscript(role: ParameterRole) -> Layer? { layers[role] }

    /// Views of the gradients of A and B of a pair among those of all.
    public func gradient(of role: ParameterRole, in gradients: FloatBuffer) -> (a: Matrix, b: Matrix)? {
        layers[role].map { layer in
            let (a, b) = layer.places(in: gradients)
            return (a.view, b.view)
        }
    }
}

extension LowRankLayers.Layer {
    func places(in gradients: FloatBuffer) -> (a: MutableMatrix, b: MutableMatrix) {
        (
            gradients.matrix(rows: a.rows, columns: a.columns, offset: offset),
            gradients.matrix(rows: b.rows, columns: b.columns, offset: offset + a.rows * a.columns)
        )
    }
}

extension TrainingPass {
    /// `y += s · (x · Aᵀ) · Bᵀ` where the adapter changes the layer: x is rows × inputs, y rows × outputs.
    func addLowRank(_ role: ParameterRole, _ x: Matrix, to y: MutableMatrix) {
        guard let adapter, let layer = adapter[role] else { return }
        let mark = arena.mark
        defer { arena.release(to: mark) }
        BLAS.multiply(
            inner(layer, x), layer.b, transposeB: true, into: y, scale: adapter.scaling, accumulate: true,
            threads: threads)
    }

    /// Adds the gradients of A and B to ``lowRankGradient``, and of the inputs to `dx`, where the adapter changes the layer.
    ///
    /// With h = x · Aᵀ and dh = s · dy · B: dB += s · dyᵀ · h, dA += dhᵀ · x, dx += dh · A. Each product is whole before it
    /// is added, so that sums of passes that were computed apart are the same. `rows` says which rows of the batch dy and
    /// x are, where they aren't all.
    func lowRankBackward(
        _ role: ParameterRole, _ dy: Matrix, _ x: Matrix, rows: [Int]?, to dx: MutableMatrix
    ) {
        guard let adapter, let layer = adapter[role], let lowRankGradient else { return }
        let mark = arena.mark
        defer { arena.release(to: mark) }
        let (dA, dB) = layer.places(in: lowRankGradient)
        let product = arena.matrix(dB.rows, dB.columns)
        BLAS.multiplyTransposed(
            dy, inner(layer, x), rows: rows, of: layout.rows, into: product, scale: adapter.scaling,
            accumulate: false, threads: threads)
        Kernels.add(product.view, to: dB)
        let dInner = arena.matrix(dy.rows, layer.a.rows)
        BLAS.multiply(dy, layer.b, into: dInner, scale: adapter.scaling, threads: threads)
        let other = arena.matrix(dA.rows, dA.columns)
        BLAS.multiplyTransposed(
            dInner.view, x, rows: rows, of: layout.rows, into: other, accumulate: false, threads: threads)
        Kernels.add(other.view, to: dA)
        BLAS.multiply(dInner.view, layer.a, into: dx, accumulate: true, threads: threads)
    }

    /// `x · Aᵀ`, rows × rank, in new memory of the arena.
    private func inner(_ layer: LowRankLayers.Layer, _ x: Matrix) -> Matrix {
        let result = arena.matrix(x.rows, layer.a.rows)
        BLAS.multiply(x, layer.a, transposeB: true, into: result, threads: threads)
        return result.view
    }
}
