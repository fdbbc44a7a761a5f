public import Numerics

/// Forward and backward pass over one ragged batch, with the activations kept in between.
///
/// Explicit gradients, layer by layer, no tape. Use: ``forward(_:)`` once, then ``hidden`` to compute a loss,
/// then ``backward(_:into:)`` once with the gradient of ``hidden``. Not thread-safe: one per worker; its memory is
/// reused from batch to batch.
public final class TrainingPass {
    let transformer: Transformer
    let arena = Arena()
    private let workspace = Workspace()
    var layout = RaggedLayout([], vocabulary: 0)
    var inputs: [ForwardInput] = []
    /// What linear layers compute with.
    let weights: TrainingWeights
    /// Keeps the blocks' inputs only and computes the rest of a block's activations again when its gradient needs
    /// them: the same bits for a third more work and a fraction of the memory.
    public var recomputes = false
    private var blocks: [KeptBlock] = []
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
    public init(_ transformer: Transformer, _ weights: TrainingWeights? = nil) {
        self.transformer = transformer
        self.weights = weights ?? TrainingWeights(transformer, .float32)
    }

    /// Bytes of memory held for activations and scratch.
    public var bytes: Int { arena.bytes }

    /// Final-normed rows that logits are wanted for, Σ |logitRows| × D; valid until the next ``forward(_:)``.
    public var hidden: Matrix {
        guard let normed else { preconditionFailure("hidden states exist after a forward pass") }
        return normed
    }

    /// Runs the model over `inputs` (without caches) and keeps what the gradient needs.
    public func forward(_ inputs: [ForwardInput]) {
        precondition(inputs.allSatisfy { $0.cache == nil }, "training uses no cache")
        let c = transformer.configuration
        arena.reset()
        self.inputs = inputs
        layout = RaggedLayout(inputs, vocabulary: c.vocabulary)
        let table = rotaryTable
        var x = arena.matrix(layout.rows, c.width)
        transformer.embed(layout.tokens, into: x)
        blocks = []
        for i in 0..<c.layers {
            guard recomputes else {
                let activations = forwardBlock(i, x.view, table: table)
                blocks.append(.activations(activations))
                x = activations.output
                continue
            }
            blocks.append(.input(x.view))
            let output = arena.matrix(layout.rows, c.width)
            let mark = arena.mark
            output.copy(from: forwardBlock(i, x.view, table: table).output.view)
            arena.release(to: mark)
            x = output
        }
        let rows = transformer.gather(x.view, layout.logitRows, arena)
        let final = arena.matrix(rows.rows, c.width)
        let inverse = arena.matrix(rows.rows, 1)
        Kernels.rmsNorm(
            rows, weight: transformer.parameters.finalNorm, into: final, inverse: inverse,
            epsilon: c.normEpsilon)
        last = rows
        finalInverse = inverse.view
        normed = final.view
    }

    /// Adds the gradients of all parameters but the head to `gradients`.
    /// - Parameter dHidden: the gradient of ``hidden``, Σ |logitRows| × D, as
    ///   ``headBackward(targets:soft:weights:temperature:into:)`` gives it.
    public func backward(_ dHidden: Matrix, into gradients: FlatParameters) {
        guard let last, let finalInverse else { preconditionFailure("backward follows forward") }
        let c = transformer.configuration
        let table = rotaryTable
        let dLast = arena.zeros(last.rows, c.width)
        Kernels.rmsNormBackward(
            dHidden, x: last, inverse: finalInverse, weight: transformer.parameters.finalNorm, dx: dLast,
            dWeight: gradients.views.finalNorm)
        let dx = arena.zeros(layout.rows, c.width)
        for (i, row) in layout.logitRows.enumerated() {
            Kernels.axpy(1, dLast.pointer + i * dLast.stride, to: dx.row(row))
        }
        for i in (0..<c.layers).reversed() {
            let mark = arena.mark
            let activations =
                switch blocks[i] {
                case .activations(let kept): kept
                case .input(let x): forwardBlock(i, x, table: table)
                }
            backwardBlock(i, activations, dx, table: table, into: gradients.views.blocks[i])
            arena.release(to: mark)
        }
        let embedding = gradients.views.embedding
        for (row, token) in layout.tokens.enumerated() {
            Kernels.axpy(1, dx.pointer + row * dx.stride, to: embedding.row(Int(token)))
        }
    }

    private var rotaryTable: RotaryTable {
        workspace.rotaryTable(
            transformer.configuration, positions: Int(layout.positions.max() ?? 0) + 1)
    }
}

/// What one block keeps for its gradient; all matrices have one row per packed token.
struct BlockActivations {
    var input: Matrix
    var attentionInverse: Matrix
    var attentionNormed: Matrix
    var query: Matrix
    var key: Matrix
    var value: Matrix
    /// Present where the model norms its heads.
    var queryHeads: HeadNorm?
    var keyHeads: HeadNorm?
    /// Softmax of each sequence: heads · T × T.
    var probabilities: [Matrix]
    var attended: Matrix
    var middle: Matrix
    var feedForwardInverse: Matrix
    var feedForwardNormed: Matrix
    var gate: Matrix
    var up: Matrix
    var activated: Matrix
    var output: MutableMatrix
}
