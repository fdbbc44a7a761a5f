internal import Files
internal import JSON
internal import Numerics
internal import Recipes
internal import Runs
internal import SystemPackage
internal import Training
internal import Transformers

/// Runs training phases one after another, with a log, checkpoints and progress.
///
/// Every random draw is keyed by (seed, phase, step), so a run that goes on from a checkpoint repeats what an
/// uninterrupted one would have done, bit for bit.
struct TrainingLoop {
    struct Phase {
        var name: String
        var steps: Int
        var schedule: LearningRateSchedule
        /// Largest L2 norm of the gradient.
        var maximumNorm: Double
        var makeOptimizer: () -> any Optimizer
        /// The batch of a step.
        var batch: (Int) throws -> LossBatch
    }

    let context: StageContext
    let trainee: any Trainee
    let phases: [Phase]
    let precision: TrainingPrecision
    /// How the weights of the last phase are averaged; nil where those after its last step are the result.
    let average: WeightAverage.Options?
    /// Seconds between checkpoints.
    let checkpointInterval: Double

    /// The key `checkpointSeconds` of the kinds that train.
    static func checkpointSeconds(_ fields: Fields) -> Double {
        fields.number(
            "checkpointSeconds", default: 20, in: 0.0...86_400,
            "Seconds between checkpoints, and so the most that a kill can cost; 0 makes one after each step.",
            role: .execution)
    }

    /// The key `precision` of the kinds that train.
    static func precision(_ fields: Fields) -> TrainingPrecision? {
        fields.optionalChoice(
            "precision",
            "What products of linear layers are computed in: float32, which is meant where the key is absent, or "
                + "bfloat16 with 32-bit sums. The weights that are trained are 32-bit floats in either.")
    }

    /// Trains, leaves the result in ``trainee``, and writes the log to `training.jsonl` in the artifact.
    /// - Returns: the loss reports' means over the last tenth of the last phase, for the summary.
    func run() throws -> [LossReport.Group] {
        let lanes =
            trainee.takesHelpers
            ? context.ranks.map { RankLanes($0, threads: context.threads, precision: precision) } : nil
        defer { lanes?.end() }
        let loss = try trainee.batchLoss(threads: context.threads, precision: precision, helpers: lanes)
        let checkpoint = TrainingCheckpoint(folder: context.workFolder)
        var log = TrainingLog()
        var start = TrainingCheckpoint.Position(phase: 0, step: 0)
        var restored: TrainingCheckpoint.Restored?
        let mean = average.map {
            WeightAverage(
                $0, elements: trainee.trained.count, steps: phases.last?.steps ?? 0, threads: context.threads)
        }
        if let found = try checkpoint.load(trainee.trained) {
            start = found.position
            guard phases.indices.contains(start.phase), start.step < phases[start.phase].steps else {
                throw checkpoint.flaw()
            }
            log = found.log
            restored = found
            if let mean { try found.apply(to: mean) }
        }
        let total = phases.reduce(0) { $0 + $1.steps }
        let done = phases[..<start.phase].reduce(0) { $0 + $1.steps } + start.step
        let progress = context.progress(total: total, unit: "steps", done: done)
        var lastSave = ContinuousClock.now
        for (p, phase) in phases.enumerated() where p >= start.phase {
            let optimizer = phase.makeOptimizer()
            if let found = restored, p == start.phase { try found.apply(to: optimizer) }
            restored = nil
            for step in (p == start.phase ? start.step : 0)..<phase.steps {
                if context.isCancelled || lastSave.duration(to: .now) > .seconds(checkpointInterval) {
                    try checkpoint.save(
                        trainee.trained, optimizer, mean, .init(phase: p, step: step), log)
                    try context.checkCancellation()
                    lastSave = .now
                }
                let threads = context.threads
                (loss.threads, optimizer.threads) = (threads, threads)
                lanes?.threads = threads
                mean?.threads = threads
                let report = loss.compute(try phase.batch(step))
                guard log.fits(report) else { throw checkpoint.flaw() }
                let gradients = loss.trainedGradient
                let norm = GradientClipping.norm(gradients)
                guard norm.isFinite, report.total.isFinite else {
                    throw DataError(
                        description: "training diverged in phase \(phase.name), step \(step): the loss is "
                            + "\(report.total), the gradient norm \(norm); lower the learning rate")
                }
                let factor = phase.schedule.factor(at: step)
                optimizer.step(
                    trainee.trained, gradients,
                    gradientScale: GradientClipping.scale(norm: norm, maximum: phase.maximumNorm),
                    factor: factor)
                if p == phases.count - 1 { mean?.add(trainee.trained, step: step) }
                log.record(
                    phase: phase.name, step: step, of: phase.steps, report: report, norm: norm, factor: factor
                )
                progress.advance(note: log.note)
            }
        }
        mean?.replace(trainee.trained)
        if let pool = context.ranks, pool.isVerbose, let tally = lanes?.tally {
            let shares = tally.sorted { $0.key < $1.key }.map { "rank \($0.key): \($0.value)" }
            context.log("lanes by rank: \(shares.joined(separator: ", "))")
        }
        try log.write(to: context.output.appending("training.jsonl"))
        return log.finalGroups
    }
}
