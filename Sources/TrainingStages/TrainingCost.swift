internal import ArtifactStore
internal import Numerics
internal import Recipes
internal import Runs
internal import StageBasics
internal import Training
internal import Transformers

/// What a training loop takes: steps of measured passes and updates, and checkpoints.
struct TrainingCost {
    /// Steps of one kind.
    struct Steps {
        var count: Int
        /// The batch of a step.
        var batch: PassShape
        /// Whether the loss has terms that are known only when all rows are.
        var keepsActivations: Bool
        var isMuon: Bool
        /// Passes of another model for each step, such as the teacher's.
        var forwards: PassShape?
    }

    let phases: [Steps]
    /// Seconds between checkpoints.
    let checkpointSeconds: Double
    /// Whether the mean of weights is kept beside them.
    var averages = false
    /// Whether products are in bfloat16.
    var isHalf = false
    /// Where only an adapter is trained.
    var adapter: AdapterCost?
    /// What training starts from; nil for a model from scratch.
    var model: ArtifactReference?

    /// The forecast, less the steps that a checkpoint holds; nil where the speed isn't known.
    func forecast(_ context: ForecastContext, besides seconds: Double, problems: Double) -> StageForecast? {
        var training = 0.0
        var done = stepsDone(context)
        for phase in phases {
            let left = max(0, phase.count - done)
            done = max(0, done - phase.count)
            guard let step = self.seconds(of: phase, context) else { return nil }
            training += Double(left) * step
        }
        let parameters = phases.first.map { Double($0.batch.configuration.parameterCount) } ?? 0
        let trainedShare = adapter.map { Double($0.trained) / max(1, parameters) } ?? 1
        let isMuon = phases.contains(where: \.isMuon)
        let mean = averages ? 4 * parameters * trainedShare : 0
        let checkpoint = 4 * parameters * trainedShare * (isMuon ? 4 : 3) + mean
        let megabytes = checkpoint / 1e6
        // Small files stay in the system's cache, as far as the stage can tell.
        if megabytes > 16, let megabyte = context.seconds(of: ModelWork.writeMegabyte.work) {
            // One is made between two steps at most, and after each where no time has to pass.
            let steps = Double(phases.reduce(0) { $0 + $1.count })
            let checkpoints = checkpointSeconds > 0 ? min(steps, training / checkpointSeconds) : steps
            training += checkpoints * megabytes * megabyte
        }
        let besides = MemoryModel.program + mean + problems * MemoryModel.problem
        func memory(_ adapter: AdapterCost?) -> Int? {
            phases.map { phase in
                adapter.map { $0.memory(phase, threads: context.threads) }
                    ?? MemoryModel.training(
                        phase.batch, keepsActivations: phase.keepsActivations, isMuon: phase.isMuon,
                        isHalf: isHalf)
            }.max().map { Int(clamped: $0 + besides) }
        }
        var forecast = StageForecast(
            seconds: training + seconds, memory: memory(adapter),
            // Weights, where they are written, and a line of the log for every 25 steps.
            disk: Int(
                clamped: (adapter.map(\.diskBytes) ?? 4 * parameters) + 18
                    * Double(phases.reduce(0) { $0 + $1.count }) + 8000),
            // The old checkpoint stays until the new one is whole.
            scratch: Int(clamped: 2 * checkpoint))
        if let model {
            let forms: [(String, AdapterCost?, isChosen: Bool)] =
                [("training, all parameters", nil, adapter == nil)]
                + (adapter.map { chosen in
                    [FrozenForm.stored, .int8].map {
                        (
                            "training, adapter over \($0 == .stored ? "the stored base" : "a base in int8")",
                            chosen.over($0), chosen.form == $0
                        )
                    }
                } ?? [])
            forecast.models = forms.compactMap { form, cost, isChosen in
                memory(cost).map { .init(model: model.stage, form: form, bytes: $0, isChosen: isChosen) }
            }
        }
        return forecast
    }

    private func seconds(of phase: Steps, _ context: ForecastContext) -> Double? {
        let work =
            adapter.map { $0.work(phase) }
            ?? .gradient(phase.batch, keepsActivations: phase.keepsActivations)
        guard let gradient = context.seconds(of: work.work),
            let update = context.seconds(
                of: ModelWork.optimizer(phase.batch.configuration, isMuon: phase.isMuon).work)
        else { return nil }
        // Measured with all threads at work together.
        let share = Double(context.measuredThreads) / Double(context.threads)
        let parameters = Double(max(1, phase.batch.configuration.parameterCount))
        let trainedShare = adapter.map { Double($0.trained) / parameters } ?? 1
        var seconds = (gradient + update * max(trainedShare, 0.01)) * share
        if let shape = phase.forwards {
            guard let pass = context.seconds(of: ModelWork.forward(shape).work) else { return nil }
            seconds += pass / Double(context.threads)
        }
        return seconds
    }

    /// Steps that an earlier process has done; 0 where there is no checkpoint or it can't be read.
    private func stepsDone(_ context: ForecastContext) -> Int {
        guard let folder = context.workFolder,
            let position = TrainingCheckpoint(folder: folder).position
        else { return 0 }
        return phases.prefix(position.phase).reduce(0) { $0 + $1.count } + position.step
    }
}

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

extension LoopFields {
    /// What a training takes.
    ///
    /// - Parameters:
    ///   - phases: Its steps.
    ///   - model: What it starts from; nil for a model from scratch.
    ///   - adapter: What is trained of it where that isn't all parameters.
    ///   - problems: How many are read first.
    func forecast(
        _ phases: [TrainingCost.Steps], from model: ArtifactReference?, adapter: AdapterFields? = nil,
        problems: Double, _ context: ForecastContext
    ) -> StageForecast? {
        var cost = TrainingCost(phases: phases, checkpointSeconds: checkpointSeconds)
        cost.averages = average != nil
        cost.isHalf = precision == .bfloat16
        cost.model = model
        if let model, let adapter, let configuration = phases.first?.batch.configuration {
            cost.adapter = AdapterCost(
                adapter, configuration, weightBytes: context.facts(of: model).count(.weightBytes) ?? 4,
                computesInHalf: precision == .bfloat16)
        }
        let reading = context.seconds(of: ModelWork.readProblem.work, times: problems) ?? 0
        return cost.forecast(context, besides: reading, problems: problems)
    }
}
