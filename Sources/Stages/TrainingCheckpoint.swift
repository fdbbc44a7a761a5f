internal import Files
internal import JSON
internal import Numerics
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
