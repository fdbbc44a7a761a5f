internal import Files
internal import JSON
internal import Numerics
internal import Ranks
internal import Recipes
internal import Runs
internal import StageBasics
internal import SystemPackage
internal import Training
internal import Transformers

/// The state of a training run on disk: parameters, optimiser, position and log in one file that is replaced
/// whole.
struct TrainingCheckpoint {
    struct Position {
        var phase: Int
        /// Steps of the phase that are done.
        var step: Int
    }

    /// What was read.
    struct Restored {
        let position: Position
        let log: TrainingLog
        fileprivate let optimizerSteps: Int
        fileprivate let averagedSteps: Int
        fileprivate let file: SafetensorsFile

        /// Gives an optimiser its state back.
        func apply(to optimizer: any Optimizer) throws {
            optimizer.steps = optimizerSteps
            for (name, buffer) in optimizer.state { try read(name, into: buffer) }
        }

        /// Gives averaged weights what was averaged.
        func apply(to mean: WeightAverage) throws {
            mean.count = averagedSteps
            try read(TrainingCheckpoint.averageName, into: mean.values)
        }

        private func read(_ name: String, into buffer: FloatBuffer) throws {
            try TrainingCheckpoint.read(name, of: file, into: buffer)
        }
    }

    private static let parameterName = "parameters"
    private static let averageName = "average"
    private let path: FilePath

    init(folder: FilePath) { path = folder.appending("checkpoint.safetensors") }

    func save(
        _ parameters: FloatBuffer, _ optimizer: any Optimizer, _ mean: WeightAverage?, _ position: Position,
        _ log: TrainingLog
    ) throws {
        let average = mean.map { [(name: Self.averageName, buffer: $0.values)] } ?? []
        let buffers = [(name: Self.parameterName, buffer: parameters)] + optimizer.state + average
        let tensors = buffers.map {
            SafetensorsWriter.Tensor(
                name: $0.name, shape: [$0.buffer.count],
                values: $0.buffer.matrix(rows: 1, columns: $0.buffer.count).view)
        }
        var metadata: [String: String] = [
            "phase": "\(position.phase)", "step": "\(position.step)", "optimizerSteps": "\(optimizer.steps)",
            "log": try text(.array(log.lines)), "pending": try text(.array(log.pendingReports.map(\.value))),
            "norms": try text(.array(log.pendingNorms.map { .number($0) })),
        ]
        if let mean { metadata["averaged"] = "\(mean.count)" }
        try SafetensorsWriter.write(tensors, metadata: metadata, to: path)
    }

    /// How far an earlier process came, without reading its parameters; nil where it left no checkpoint that can be
    /// read.
    var position: Position? {
        guard FileSystem.exists(path), let metadata = try? SafetensorsFile(path).metadata,
            let phase = metadata["phase"].flatMap({ Int($0) }),
            let step = metadata["step"].flatMap({ Int($0) }), TrainingLog.counts.contains(phase),
            TrainingLog.counts.contains(step)
        else { return nil }
        return Position(phase: phase, step: step)
    }

    /// Refuses what doesn't belong to the training that would go on from it.
    func flaw() -> CheckpointError {
        CheckpointError(path, "is of another training than this; delete it to start again")
    }

    /// The checkpoint of an earlier process, if there is one; its parameters are copied into `parameters`.
    func load(_ parameters: FloatBuffer) throws -> Restored? {
        guard FileSystem.exists(path) else { return nil }
        let file = try SafetensorsFile(path)
        guard let phase = file.metadata["phase"].flatMap({ Int($0) }),
            let step = file.metadata["step"].flatMap({ Int($0) }),
            let steps = file.metadata["optimizerSteps"].flatMap({ Int($0) }),
            let lines = try values(file, "log"), let pending = try values(file, "pending"),
            let norms = try values(file, "norms")
        else { throw CheckpointError(path, "lacks the position of the run; delete it to start again") }
        let averaged = file.metadata["averaged"].flatMap { Int($0) } ?? 0
        let log = TrainingLog(
            lines: lines.map { JSONValue($0) }, pending: pending.compactMap { LossReport($0) },
            norms: norms.compactMap(\.double))
        guard [phase, step, steps, averaged].allSatisfy(TrainingLog.counts.contains), log.isCredible else {
            throw CheckpointError(path, "says what no training can have come to; delete it to start again")
        }
        try Self.read(Self.parameterName, of: file, into: parameters)
        return Restored(
            position: Position(phase: phase, step: step), log: log, optimizerSteps: steps,
            averagedSteps: averaged, file: file)
    }

    /// Copies a tensor piece by piece, and gives back what was mapped of it: large ones aren't in memory twice.
    private static func read(_ name: String, of file: SafetensorsFile, into buffer: FloatBuffer) throws {
        let count = buffer.count
        let values = try file.matrix(name, shape: [count], rows: 1, columns: count)
        let place = try file.entry(named: name).range.lowerBound
        let piece = 1 << 24
        for start in stride(from: 0, to: count, by: piece) {
            let range = start..<min(count, start + piece)
            buffer.matrix(rows: 1, columns: range.count, offset: start).copy(
                from: values.slice(rows: 0..<1, columns: range))
            file.map.advise(place + range.lowerBound * 4..<place + range.upperBound * 4, isNeeded: false)
        }
    }

    private func text(_ value: JSONValue) throws -> String {
        String(decoding: try value.compactBytes(), as: UTF8.self)
    }

    private func values(_ file: SafetensorsFile, _ key: String) throws -> [JSONNode]? {
        guard let text = file.metadata[key] else { return nil }
        return try JSONDocument(parsing: Array(text.utf8), name: "\(path), \(key)").root.array
    }
}

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
    let settings: LoopFields

    /// Trains, leaves the result in ``trainee``, and writes the log to `training.jsonl` in the artifact.
    /// - Returns: the loss reports' means over the last tenth of the last phase, for the summary.
    func run() throws -> [LossReport.Group] {
        let lanes =
            trainee.takesHelpers
            ? context.ranks.map { RankLanes($0, threads: context.threads, precision: settings.precision) }
            : nil
        defer { lanes?.end() }
        let loss = try trainee.batchLoss(
            threads: context.threads, precision: settings.precision, helpers: lanes)
        let checkpoint = TrainingCheckpoint(folder: context.workFolder)
        var log = TrainingLog()
        var start = TrainingCheckpoint.Position(phase: 0, step: 0)
        var restored: TrainingCheckpoint.Restored?
        let mean = settings.average.map {
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
        var live = LiveTrainingLog(folder: context.workFolder, log: log, total: total)
        var stepsDone = done
        var lastSave = ContinuousClock.now
        for (p, phase) in phases.enumerated() where p >= start.phase {
            let optimizer = phase.makeOptimizer()
            if let found = restored, p == start.phase { try found.apply(to: optimizer) }
            restored = nil
            for step in (p == start.phase ? start.step : 0)..<phase.steps {
                if context.isCancelled || lastSave.duration(to: .now) > .seconds(settings.checkpointSeconds) {
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
                stepsDone += 1
                live.update(log, done: stepsDone)
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
