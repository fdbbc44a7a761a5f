public import Numerics

/// Forward and backward pass over one ragged batch, with the activations kept in between.
///
/// Explicit gradients, layer by layer, no tape. Use: ``forward(_:)`` once, then ``hidden`` to compute a loss,
/// then ``backward(_:into:)`` once with the gradient of ``hidden``. Not thread-safe: one per worker; its memory is
/// reused from batch to batch.
public final class TrainingPass {
    let transformer: Transformer
    /// Where memory comes from at the moment: ``kept`` or ``scratch``.
    var arena: Arena
    /// What is needed until the gradient is computed.
    private let kept: Arena
    /// What is given back before: the same as ``kept``, or shared by passes that compute one after another.
    private let scratch: Arena
    /// Threads inside of products; results don't show them.
    public var threads: Int
    /// What is trained where the weights aren't.
    let adapter: LowRankLayers?
    /// What backward passes add the adapter's gradients to, ``LowRankLayers/count`` elements.
    public var lowRankGradient: FloatBuffer?
    private let workspace = Workspace()
    var layout = RaggedLayout([], vocabulary: 0)
    var inputs: [ForwardInput] = []
    /// What linear layers compute with.
    let weights: TrainingWeights
    /// Keeps the blocks' inputs only and computes the rest of a block's activations again when its gradient needs
    /// them: the same bits for a third more work and a fraction of the memory.
    public var recomputes = false
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
    public init(_ transformer: Transformer, _ weights: TrainingWeights? = nil) {
        self.transformer = transformer
        self.weights = weights ?? TrainingWeights(transformer, .float32)
        kept = Arena()
        (scratch, arena, threads, adapter) = (kept, kept, 1, nil)
    }

    /// A pass of a model whose weights are frozen, as they are stored or in 32-bit floats.
    ///
    /// - Parameters:
    ///   - adapter: what is trained.
    ///   - scratch: shared by passes that compute one after another, so that each keeps only what its gradient needs.
    ///   - threads: how many threads products may use.
    public init(_ transformer: Transformer, training adapter: LowRankLayers, scratch: Arena, threads: Int) {
        self.transformer = transformer
        weights = TrainingWeights(transformer, .float32)
        kept = Arena(minimumChunk: 1 << 10)
        (self.scratch, arena) = (scratch, kept)
        (self.threads, self.adapter) = (threads, adapter)
    }

    /// Bytes of memory held for activations, and for scratch that isn't shared.
    public var bytes: Int { kept.bytes }

    /// Final-normed rows that logits are wanted for, Σ |logitRows| × D; valid until the next ``forward(_:)``.
    public var hidden: Matrix {
        guard let normed else { preconditionFailure("hidden states exist after a forward pass") }
        return normed
    }

    /// Runs the model over `inputs` (without caches) and keeps what the gradient needs.
    public func forward(_ inputs: [ForwardInput]) {
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
        transformer.embed(layout.tokens, into: x)
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
    public func backward(_ dHidden: Matrix, into gradients: FlatParameters?) {
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
        for (row, token) in layout.tokens.enumerated() {
            Kernels.axpy(1, dx.pointer + row * dx.stride, to: embedding.row(Int(token)))
        }
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

/// What one block keeps for its gradient.
///
/// Input, its norm, keys and values have one row per packed token, all others one for each of ``wanted``.
struct BlockActivations {
    /// The packed rows whose output is computed; nil for all.
    var wanted: [Int]?
    var input: Matrix
    var attentionInverse: Matrix
    var attentionNormed: Matrix
    /// The rows of ``attentionNormed`` that queries are made of.
    var queried: Matrix
    var query: Matrix
    var key: Matrix
    var value: Matrix
    /// Present where the model norms its heads.
    var queryHeads: HeadNorm?
    var keyHeads: HeadNorm?
    /// Softmax of each sequence: heads · its wanted rows × T.
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
