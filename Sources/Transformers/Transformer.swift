public import Numerics

/// A pre-norm transformer for inference; see ``TransformerConfiguration`` for its options.
///
/// The weights are views: of mapped files for checkpoints, of a ``FlatParameters`` buffer for a model in
/// training (whoever trains must not run inference at the same time).
public final class Transformer: Sendable {
    public let configuration: TransformerConfiguration
    /// The weights in the precision in which the model computes.
    package let weights: ModelParameters<Weight>
    /// The same as matrices, where all are kept in 32-bit floats.
    private let floats: ModelParameters<Matrix>?

    /// A model in 32-bit floats.
    /// - Throws: ``BLASError`` when no matrix library can be loaded.
    package init(
        _ configuration: TransformerConfiguration, parameters: ModelParameters<Matrix>
    ) throws(BLASError) {
        try BLAS.load()
        self.configuration = configuration
        weights = parameters.map(configuration) { .float32($0) }
        floats = parameters
    }

    /// A model whose linear layers are kept in any precision, all in the same one.
    ///
    /// Vectors are 32-bit floats; with a tied head that is packed, `weights.head` holds it.
    /// - Throws: ``BLASError`` when no matrix library can be loaded; attention uses it.
    public init(
        _ configuration: TransformerConfiguration, weights: ModelParameters<Weight>
    ) throws(BLASError) {
        try BLAS.load()
        self.configuration = configuration
        self.weights = weights
        floats = nil
    }

    /// A model over (not a copy of) `flat`'s parameters.
    package convenience init(over flat: FlatParameters) throws(BLASError) {
        let views = ModelParameters(flat.configuration) { (specification) -> Matrix in
            flat.view(of: specification.role)
        }
        try self.init(flat.configuration, parameters: views)
    }

    /// All weights as matrices: for training and saving, which need a model in 32-bit floats.
    package var parameters: ModelParameters<Matrix> {
        guard let floats else { preconditionFailure("the model isn't kept in 32-bit floats") }
        return floats
    }

    /// The weight with the given role, of a model in 32-bit floats.
    package func parameter(_ role: ParameterRole) -> Matrix {
        guard let found = parameters[role] else { preconditionFailure("the model has no parameter \(role)") }
        return found
    }

    /// Logits of the wanted rows of every sequence: Σ |logitRows| rows × V, sequences in order.
    ///
    /// Caches are read and updated as each input asks. The result lives in `workspace` until its next use.
    /// - Parameters:
    ///   - skips: what all of the sequences leave out; nil for nothing.
    ///   - inspect: called with the packed input of every block (rows × D), then with the final norm's output of the
    ///     wanted rows; for layer-by-layer comparisons.
    public func logits(
        _ inputs: [ForwardInput], _ workspace: Workspace, skipping skips: LayerSkips? = nil,
        inspect: ((Matrix) -> Void)? = nil
    ) -> Matrix {
        let c = configuration
        precondition(
            skips.map { $0.fits(layers: c.layers) } ?? true, "neither the first block nor the last is skipped"
        )
        let arena = workspace.arena
        arena.reset()
        let layout = RaggedLayout(inputs, vocabulary: c.vocabulary)
        let table = workspace.rotaryTable(c, positions: Int(layout.positions.max() ?? 0) + 1)
        let wanted = layout.logitRows
        let logits = arena.matrix(wanted.count, c.vocabulary)
        var x = arena.matrix(layout.rows, c.width)
        embed(inputs, layout, into: x, arena)
        var next = arena.matrix(layout.rows, c.width)
        for i in 0..<c.layers {
            inspect?(x.view)
            if skips?.skipsWhole(i) == true { continue }
            let isLast = i == c.layers - 1
            let mark = arena.mark
            // The last block's output matters only for the wanted rows; keys and values are needed of all.
            let kept = isLast && wanted.count < layout.rows ? wanted : nil
            let target = kept.map { next.slice(rows: 0..<$0.count) } ?? next
            forwardBlock(
                i, x.view, kept: kept, skipping: skips, inputs: inputs, layout: layout, table: table,
                workspace: workspace, into: target)
            arena.release(to: mark)
            (x, next) = (target, x)
        }
        let final = arena.matrix(wanted.count, c.width)
        let inverse = arena.matrix(wanted.count, 1)
        let rows = c.layers == 0 ? gather(x.view, wanted, arena) : x.view
        Kernels.rmsNorm(
            rows, weight: weights.finalNorm.matrix, into: final, inverse: inverse, epsilon: c.normEpsilon)
        inspect?(final.view)
        let head = weights.head ?? weights.embedding
        head.multiply(
            head.input(final.view, arena, threads: workspace.threads), into: logits, arena,
            threads: workspace.threads)
        return logits.view
    }

    /// Copies the embedding of each token into the rows of `x` (tokens × D), and mixes residuals in where inputs have some.
    func embed(_ inputs: [ForwardInput], _ layout: RaggedLayout, into x: MutableMatrix, _ arena: Arena) {
        for (row, token) in layout.tokens.enumerated() {
            weights.embedding.copy(row: Int(token), into: x.pointer + row * x.stride)
        }
        for (sequence, input) in inputs.enumerated() where !input.residuals.isEmpty {
            let mark = arena.mark
            let embeddings = embeddings(of: input.residuals, arena)
            for (index, residual) in input.residuals.enumerated() {
                let row = x.row(layout.offsets[sequence] + residual.row)
                Kernels.scale(row, by: 1 - residual.share)
                Kernels.axpy(residual.share, embeddings.pointer + index * embeddings.stride, to: row)
            }
            arena.release(to: mark)
        }
    }

    func gather(_ x: Matrix, _ rows: [Int], _ arena: Arena) -> Matrix {
        let result = arena.matrix(rows.count, x.columns)
        for (i, row) in rows.enumerated() {
            (result.pointer + i * result.stride).update(from: x.pointer + row * x.stride, count: x.columns)
        }
        return result.view
    }
}

extension ModelParameters {
    /// The parameter with the given role, if the model has it.
    package subscript(role: ParameterRole) -> T? {
        switch role {
        case .embedding: return embedding
        case .finalNorm: return finalNorm
        case .head: return head
        case .block(let i, let role):
            guard blocks.indices.contains(i) else { return nil }
            let block = blocks[i]
            switch role {
            case .attentionNorm: return block.attentionNorm
            case .query: return block.query
            case .key: return block.key
            case .value: return block.value
            case .queryBias: return block.queryBias
            case .keyBias: return block.keyBias
            case .valueBias: return block.valueBias
            case .queryNorm: return block.queryNorm
            case .keyNorm: return block.keyNorm
            case .attentionOutput: return block.attentionOutput
            case .feedForwardNorm: return block.feedForwardNorm
            case .gate: return block.gate
            case .up: return block.up
            case .down: return block.down
            }
        }
    }
}

extension FlatParameters {
    /// A read-only view of the parameter with the given role.
    package func view(of role: ParameterRole) -> Matrix {
        guard let found = views[role] else { preconditionFailure("no parameter \(role)") }
        return found.view
    }
}

/// Halves of blocks that a forward leaves out: what would enter one of them passes it unchanged, and a skipped attention writes no
/// keys and values (SWIFT, arXiv 2410.06916).
public struct LayerSkips: Sendable, Hashable {
    /// Blocks, from 0, whose attention is left out.
    package var attention: Set<Int>
    /// Blocks, from 0, whose feed-forward half is left out.
    package var feedForward: Set<Int>

    package init(attention: Set<Int>, feedForward: Set<Int>) {
        (self.attention, self.feedForward) = (attention, feedForward)
    }

    func skipsWhole(_ block: Int) -> Bool { attention.contains(block) && feedForward.contains(block) }

    func fits(layers: Int) -> Bool {
        attention.union(feedForward).allSatisfy { $0 > 0 && $0 < layers - 1 }
    }
}

/// One sequence of a ragged batch.
public struct ForwardInput {
    /// Token ids, each inside the vocabulary.
    package var tokens: [Int32]
    /// Absolute position of the first token, for rotary positions and attention patterns; it need not follow the
    /// cache's length.
    package var firstPosition: Int
    package var attention: AttentionPattern
    /// Positions and visible keys of each row, in the place of ``firstPosition`` and ``attention``.
    package var geometry: RowGeometry?
    /// Keys and values to attend to besides the input's own.
    package var cache: KeyValueCache?
    package var cacheUpdate: CacheUpdate
    /// Ascending indices into ``tokens`` of the rows whose logits are wanted.
    package var logitRows: [Int]
    /// What some rows are besides their tokens' embeddings, each row at most once.
    package var residuals: [ResidualInput] = []

    public init(
        tokens: [Int32], firstPosition: Int = 0, attention: AttentionPattern = .bidirectional,
        geometry: RowGeometry? = nil, cache: KeyValueCache? = nil, cacheUpdate: CacheUpdate = .none,
        logitRows: [Int]? = nil
    ) {
        precondition(
            geometry.map { $0.positions.count == tokens.count } ?? true, "a geometry has a row for each token"
        )
        self.geometry = geometry
        self.tokens = tokens
        self.firstPosition = firstPosition
        self.attention = attention
        self.cache = cache
        self.cacheUpdate = cacheUpdate
        self.logitRows = logitRows ?? Array(tokens.indices)
    }
}

/// What a row of input is besides the embedding E of its token: (1 − share) · E + share · Δ, where Δ is the embedding that a
/// distribution p over the vocabulary expects, Σ p(v) E(v).
///
/// The residual context of RCD (arXiv 2601.22954, equations 1 to 3).
public struct ResidualInput: Sendable {
    package enum Content: Sendable {
        /// Δ, D elements.
        case embedding([Float])
        /// p, 1 × V, of a training sequence; says whether the gradient flows through Δ into the table of embeddings.
        case distribution(Matrix, flows: Bool)
    }

    /// Index into the input's tokens.
    package var row: Int
    /// From 0 to 1.
    package var share: Float
    package var content: Content

    package init(row: Int, share: Float, _ content: Content) {
        (self.row, self.share, self.content) = (row, share, content)
    }

    /// The share that a row of logits z (V) gives: the entropy of softmax(z / temperature) over its largest value, ln V.
    ///
    /// Computed in double precision.
    package static func share(of logits: UnsafeBufferPointer<Float>, temperature: Double) -> Float {
        guard logits.count > 1 else { return 0 }
        let top = Double(logits.max() ?? 0)
        var (sum, weighted) = (0.0, 0.0)
        for logit in logits {
            let z = (Double(logit) - top) / temperature
            guard z > -700 else { continue }
            let weight = Elementary.exp(z)
            sum += weight
            weighted += weight * z
        }
        let entropy = Elementary.log(sum) - weighted / sum
        return Float(min(1, max(0, entropy / Elementary.log(Double(logits.count)))))
    }
}

extension Transformer {
    /// The embeddings that distributions over the vocabulary expect: probabilities (n × V) times the table, n × D.
    package func expectedEmbeddings(
        _ probabilities: Matrix, into result: MutableMatrix, _ arena: Arena, threads: Int = 1
    ) {
        precondition(
            probabilities.columns == configuration.vocabulary, "a probability for each token of the model")
        if case .float32(let table) = weights.embedding {
            return BLAS.multiply(probabilities, table, into: result, threads: threads)
        }
        let mark = arena.mark
        let tile = arena.matrix(64, configuration.width)
        for start in stride(from: 0, to: probabilities.columns, by: tile.rows) {
            let tokens = start..<min(start + tile.rows, probabilities.columns)
            for token in tokens {
                weights.embedding.copy(row: token, into: tile.pointer + (token - start) * tile.stride)
            }
            BLAS.multiply(
                probabilities.slice(rows: 0..<probabilities.rows, columns: tokens),
                tile.slice(rows: 0..<tokens.count).view, into: result, accumulate: start > 0, threads: threads
            )
        }
        arena.release(to: mark)
    }

    /// Δ of each residual, n × D, in new memory of the arena; of all distributions by one product.
    private func embeddings(of residuals: [ResidualInput], _ arena: Arena) -> MutableMatrix {
        let result = arena.matrix(residuals.count, configuration.width)
        var rows: [(index: Int, probabilities: Matrix)] = []
        for (index, residual) in residuals.enumerated() {
            switch residual.content {
            case .embedding(let elements):
                precondition(elements.count == result.columns, "an embedding of the model's width")
                result.row(index).baseAddress?.update(from: elements, count: elements.count)
            case .distribution(let probabilities, _): rows.append((index, probabilities))
            }
        }
        guard !rows.isEmpty else { return result }
        let mark = arena.mark
        let probabilities = arena.matrix(rows.count, configuration.vocabulary)
        let expected = arena.matrix(rows.count, configuration.width)
        for (place, row) in rows.enumerated() {
            probabilities.slice(rows: place..<place + 1).copy(from: row.probabilities)
        }
        expectedEmbeddings(probabilities.view, into: expected, arena)
        for (place, row) in rows.enumerated() {
            result.slice(rows: row.index..<row.index + 1).copy(
                from: expected.view.slice(rows: place..<place + 1))
        }
        arena.release(to: mark)
        return result
    }
}

/// The rows of a ragged batch laid one sequence after another.
struct RaggedLayout {
    /// First packed row of each sequence, and the total at the end.
    var offsets: [Int]
    var positions: [Int32]
    var tokens: [Int32]
    /// Packed row of each wanted row of logits.
    var logitRows: [Int]

    var rows: Int { tokens.count }

    init(_ inputs: [ForwardInput], vocabulary: Int) {
        offsets = [0]
        tokens = []
        positions = []
        logitRows = []
        for input in inputs {
            let offset = tokens.count
            tokens += input.tokens
            positions +=
                input.geometry?.positions ?? input.tokens.indices.map { Int32(input.firstPosition + $0) }
            var previous = -1
            for row in input.logitRows {
                precondition(
                    row > previous && row < input.tokens.count,
                    "logits of row \(row) of \(input.tokens.count), after row \(previous)")
                previous = row
                logitRows.append(offset + row)
            }
            offsets.append(tokens.count)
        }
        for token in tokens {
            precondition(token >= 0 && Int(token) < vocabulary, "token \(token) of \(vocabulary)")
        }
    }

    func range(_ sequence: Int) -> Range<Int> { offsets[sequence]..<offsets[sequence + 1] }
}

/// Scratch memory of one worker for forward passes, and how many threads each of them may use.
///
/// Not thread-safe: one per worker.
public final class Workspace {
    let arena = Arena()
    private var rotary: (table: RotaryTable, headWidth: Int, theta: Double, scaling: RotaryScaling)?

    /// Threads inside a forward; results don't depend on them.
    public let threads: Int

    /// - Parameter threads: more than one pays for large models only, and where nothing else keeps the cores busy.
    public init(threads: Int = 1) { self.threads = max(1, threads) }

    /// The rotary table for positions below `positions`, kept from pass to pass.
    func rotaryTable(_ configuration: TransformerConfiguration, positions: Int) -> RotaryTable {
        let (headWidth, theta) = (configuration.headWidth, configuration.ropeTheta)
        let scaling = configuration.ropeScaling
        // A workspace may serve several models, one after another.
        if let rotary, rotary.headWidth == headWidth, rotary.theta == theta, rotary.scaling == scaling,
            rotary.table.cosine.rows >= positions
        {
            return rotary.table
        }
        let table = RotaryTable(
            positions: max(positions, 128), headWidth: headWidth, theta: theta, scaling: scaling)
        rotary = (table, headWidth, theta, scaling)
        return table
    }

    /// Bytes of scratch memory held.
    package var bytes: Int { arena.bytes }
}
