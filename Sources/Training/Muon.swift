package import Numerics
package import Transformers

/// Muon for the matrices of the blocks, AdamW for embedding, head and vectors.
///
/// Muon replaces the momentum of each matrix by an approximately orthogonal one of the same row and column
/// space: Nesterov momentum, five Newton–Schulz iterations with the coefficients (3.4445, −4.7750, 2.0315) of
/// Jordan et al., "Muon: an optimizer for hidden layers in neural networks" (2024), and a factor
/// √max(1, rows / columns).
package final class Muon: Optimizer {
    /// Constants of the update of the blocks' matrices.
    package struct Options: Sendable, Hashable {
        package var learningRate: Double
        package var momentum: Double
        package var decay: Double
        package var iterations: Int

        package init(
            learningRate: Double, momentum: Double = 0.95, decay: Double = 0.05, iterations: Int = 5
        ) {
            self.learningRate = learningRate
            self.momentum = momentum
            self.decay = decay
            self.iterations = iterations
        }
    }

    private let options: Options
    private let adam: AdamW
    private let momentum: FloatBuffer
    private let matrices: [Piece]
    /// Indices of the parameters that AdamW updates.
    private let others: [Int]
    package var threads: Int
    private let scratch: [UnsafeSendableArena]

    package init(
        _ configuration: TransformerConfiguration, _ options: Options, adam adamOptions: AdamW.Options,
        threads: Int
    ) {
        self.options = options
        self.threads = threads
        adam = AdamW(configuration, adamOptions, decays: { !$0.isVector })
        var matrices: [Piece] = []
        var others: [Int] = []
        var offset = 0
        for (i, specification) in configuration.parameterSpecifications.enumerated() {
            if case .block = specification.role, !specification.isVector {
                matrices.append(
                    Piece(offset: offset, rows: specification.rows, columns: specification.columns))
            } else {
                others.append(i)
            }
            offset += specification.count
        }
        (self.matrices, self.others) = (matrices, others)
        momentum = FloatBuffer(zeros: configuration.parameterCount)
        scratch = matrices.map { _ in UnsafeSendableArena(arena: Arena(minimumChunk: 1024)) }
    }

    package var steps: Int {
        get { adam.steps }
        set { adam.steps = newValue }
    }

    package var state: [(name: String, buffer: FloatBuffer)] { adam.state + [("muon.momentum", momentum)] }

    package func step(
        _ parameters: FloatBuffer, _ gradients: FloatBuffer, gradientScale: Float, factor: Double
    ) {
        adam.steps += 1
        for i in others {
            adam.update(i, parameters, gradients, gradientScale: gradientScale, factor: factor)
        }
        let (matrices, scratch, momentum, options) = (matrices, scratch, momentum, options)
        Threads.parallelFor(matrices.count, threads: threads) { (j: Int) -> Void in
            Self.update(
                matrices[j], parameters, gradients, momentum, options, scratch[j].arena,
                gradientScale: gradientScale, factor: factor)
        }
    }

    private static func update(
        _ piece: Piece, _ parameters: FloatBuffer, _ gradients: FloatBuffer, _ momentum: FloatBuffer,
        _ options: Options, _ arena: Arena, gradientScale: Float, factor: Double
    ) {
        arena.reset()
        let update = arena.matrix(piece.rows, piece.columns)
        Kernels.nesterov(
            gradient: gradients.pointer + piece.offset, momentum: piece.elements(of: momentum),
            into: update.pointer, gradientScale: gradientScale, beta: Float(options.momentum))
        let direction = NewtonSchulz.orthogonalized(update, iterations: options.iterations, arena)
        let rate = options.learningRate * factor
        let aspect = max(1, Double(piece.rows) / Double(piece.columns)).squareRoot()
        let elements = piece.elements(of: parameters)
        Kernels.scale(elements, by: Float(1 - rate * options.decay))
        Kernels.axpy(Float(-rate * aspect), direction.pointer, to: elements)
    }

    /// A matrix among the parameters.
    private struct Piece {
        var offset: Int
        var rows: Int
        var columns: Int

        func elements(of buffer: FloatBuffer) -> UnsafeMutableBufferPointer<Float> {
            UnsafeMutableBufferPointer(start: buffer.pointer + offset, count: rows * columns)
        }
    }
}

/// Lets each matrix keep its own scratch memory; only the thread that updates the matrix uses it.
private struct UnsafeSendableArena: @unchecked Sendable {
    let arena: Arena
}

/// Approximate orthogonalisation.
enum NewtonSchulz {
    /// A matrix with the singular vectors of `x` (rows × columns) and singular values near 1, contiguous in
    /// memory.
    ///
    /// `x` is overwritten.
    static func orthogonalized(_ x: MutableMatrix, iterations: Int, _ arena: Arena) -> MutableMatrix {
        let (a, b, c): (Float, Float, Float) = (3.4445, -4.7750, 2.0315)
        // The iteration works on the smaller side: x xᵀ for wide matrices, xᵀ x for tall ones.
        let tall = x.rows > x.columns
        let side = min(x.rows, x.columns)
        let all = UnsafeMutableBufferPointer(start: x.pointer, count: x.rows * x.columns)
        let norm = Kernels.sumOfSquares(UnsafeBufferPointer(all)).squareRoot()
        Kernels.scale(all, by: Float(1 / (norm + 1e-7)))
        var x = x
        var next = arena.matrix(x.rows, x.columns)
        let gram = arena.matrix(side, side)
        let polynomial = arena.matrix(side, side)
        for _ in 0..<iterations {
            BLAS.multiply(x.view, x.view, transposeA: tall, transposeB: !tall, into: gram)
            BLAS.multiply(gram.view, gram.view, into: polynomial, scale: c)
            Kernels.axpy(
                b, gram.pointer, to: UnsafeMutableBufferPointer(start: polynomial.pointer, count: side * side)
            )
            for i in 0..<side { polynomial[i, i] += a }
            if tall {
                BLAS.multiply(x.view, polynomial.view, into: next)
            } else {
                BLAS.multiply(polynomial.view, x.view, into: next)
            }
            (x, next) = (next, x)
        }
        return x
    }
}
