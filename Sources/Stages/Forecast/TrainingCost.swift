internal import ArtifactStore
internal import Recipes
internal import Runs
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
                        phase.batch, keepsActivations: phase.keepsActivations, isMuon: phase.isMuon)
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

extension Int {
    /// The nearest whole number; the largest one for what is beyond.
    init(clamped number: Double) {
        self = number.isFinite ? (number < 9e18 ? Int(Swift.max(0, number).rounded()) : .max) : .max
    }
}
