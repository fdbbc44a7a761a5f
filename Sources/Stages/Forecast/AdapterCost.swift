internal import Numerics
internal import Training
internal import Transformers

/// What training an adapter over frozen weights takes.
struct AdapterCost {
    /// Elements of A and B.
    let trained: Int
    private let rank: Int
    private let configuration: TransformerConfiguration
    /// Bytes of a weight in the model's files.
    private let weightBytes: Int
    private(set) var form: FrozenForm
    private let computesInHalf: Bool

    init(
        _ fields: AdapterFields, _ configuration: TransformerConfiguration, weightBytes: Int,
        computesInHalf: Bool
    ) {
        trained = fields.options.count(of: configuration)
        rank = fields.options.rank
        self.configuration = configuration
        self.weightBytes = weightBytes
        form = fields.base ?? .stored
        self.computesInHalf = computesInHalf
    }

    /// The same over a base that is kept in another form.
    func over(_ form: FrozenForm) -> AdapterCost {
        var other = self
        other.form = form
        return other
    }

    /// Loss and gradient of a step.
    func work(_ steps: TrainingCost.Steps) -> ModelWork {
        .adapterGradient(
            steps.batch, share: Double(trained) / Double(max(1, configuration.parameterCount)),
            forwards: keeping(steps).forwards, isHalf: computesInHalf)
    }

    /// The adapter, and the weights with it where they are written again.
    var diskBytes: Double {
        4 * Double(trained) + (weightBytes == 2 ? 0 : 4 * Double(configuration.parameterCount))
    }

    /// The most bytes that are resident at a time.
    ///
    /// The adapter with its gradient and two moments; of the frozen weights those of one block or of the head, whatever is
    /// more, because a block's pages are left to the system's cache when it is done, or all of them in 8 bits; what is kept of
    /// activations; and one block's scratch memory in both directions, or a chunk of logits with its gradient.
    func memory(_ steps: TrainingCost.Steps, threads: Int) -> Double {
        let c = configuration
        let (shape, tokens) = (steps.batch, steps.batch.tokens)
        let shards = Self.shards(shape)
        let longest = (shards.map(\.count).max() ?? 1) * tokens
        let waiting = steps.keepsActivations ? shape.sequences * tokens : longest
        let kept =
            switch keeping(steps) {
            case .activations: waiting * c.activationBytes(tokens: tokens)
            case .blockInputs: waiting * 4 * c.width * (c.layers + 1)
            case .nothing: longest * 4 * c.width * (c.layers + 1)
            }
        let (block, head) = (Double(blockWeights), Double(c.vocabulary * c.width))
        let base =
            form == .int8
            ? Double(c.layers) * block + head
            : max(block, head) * Double(weightBytes)
        let forward = keeping(steps) == .activations ? 0 : c.activationBytes(tokens: tokens) / c.layers
        let widest = max(c.width, c.queryWidth, c.feedForwardWidth)
        let backward =
            4 * (3 * c.feedForwardWidth + 3 * c.width + 2 * c.queryWidth + 2 * c.keyValueWidth + 2 * rank)
            + 2 * widest
        let products = 4 * rank * (widest + c.width)
        let workers = threads * (4 * tokens * tokens + 256 * widest * (computesInHalf ? 2 : 4) + (400 << 10))
        let rows = min(256, shape.logitRows * (shards.map(\.count).max() ?? 1))
        let logits = 8 * Double(rows * c.vocabulary)
        return 16 * Double(trained) + base + Double(kept)
            + max(Double(longest * (forward + backward) + products + workers), logits)
    }

    private func keeping(_ steps: TrainingCost.Steps) -> AdapterGradient.Keeping {
        AdapterGradient.Keeping(
            configuration,
            shards: Self.shards(steps.batch).map { $0.map { _ in steps.batch.tokens } },
            keepsAll: steps.keepsActivations, limit: AdapterGradient.activationLimit)
    }

    private static func shards(_ shape: PassShape) -> [Range<Int>] {
        BatchGradient.shards(sequences: shape.sequences, tokens: shape.sequences * shape.tokens)
    }

    /// Weights of the linear layers of one block.
    private var blockWeights: Int {
        configuration.parameterSpecifications.reduce(0) { sum, specification in
            guard case .block(0, _) = specification.role, !specification.isVector else { return sum }
            return sum + specification.count
        }
    }
}
