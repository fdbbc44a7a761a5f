internal import Numerics
package import Runs
internal import Synchronization
internal import Training
internal import Transformers

/// Computes lanes of batches for rank 0: keeps a model per training that goes on, whose parameters come anew with each
/// batch.
package final class LaneService: RankService {
    /// The name that it is asked by.
    package static let name = "lanes"

    /// What is asked.
    enum Question: UInt8 {
        /// Parameters and a task; the answer is the losses, and the gradients of a task with one phase.
        case forward = 1
        /// The batch's sums; the answer is the gradients.
        case backward = 2
        /// The training is over.
        case end = 3
    }

    /// A training.
    ///
    /// `@unchecked Sendable`: all that isn't constant is used inside ``lock`` only.
    private final class Session: @unchecked Sendable {
        let lock = Mutex(())
        /// What computes, and what is trained, which comes anew with each batch.
        var engine: (lanes: any LaneComputing, trained: FloatBuffer)?
        var step = 0
        var lanes: [Int] = []
    }

    private let threads: Int
    private let sessions = Mutex<[UInt64: Session]>([:])

    package init(threads: Int) { self.threads = threads }

    package func answer(_ question: inout FrameReader, _ answer: inout FrameWriter) throws {
        let number = try question.number(UInt64.self)
        guard let kind = Question(rawValue: try question.number()) else {
            throw FrameError(description: "it asks for something else than lanes")
        }
        if kind == .end {
            sessions.withLock { $0[number] = nil }
            return
        }
        let session = sessions.withLock { sessions in
            if let session = sessions[number] { return session }
            let new = Session()
            sessions[number] = new
            return new
        }
        let step = try question.number(Int.self)
        try session.lock.withLock { _ in
            if kind == .forward {
                try forward(session, step, &question, &answer)
            } else {
                try backward(session, step, &question, &answer)
            }
        }
    }

    private func forward(
        _ session: Session, _ step: Int, _ question: inout FrameReader, _ answer: inout FrameWriter
    ) throws {
        let (configuration, precision) = try LaneFrames.model(&question)
        let adapter = try LaneFrames.adapter(&question, configuration)
        let engine = try session.engine ?? self.engine(configuration, precision, adapter)
        guard engine.lanes.configuration == configuration else {
            throw FrameError(description: "the model changed in the middle of a training")
        }
        session.engine = engine
        try LaneFrames.read(&question, into: engine.trained)
        engine.lanes.trainedChanged()
        let task = try LaneFrames.task(&question, vocabulary: configuration.vocabulary)
        session.step = step
        session.lanes = task.parts.map(\.lane)
        let losses = engine.lanes.forward(task)
        for lane in session.lanes { LaneFrames.put(losses[lane, default: []], &answer) }
        if !task.hasTwoPhases { putGradients(session.lanes, engine, &answer) }
    }

    private func engine(
        _ configuration: TransformerConfiguration, _ precision: TrainingPrecision,
        _ adapter: (options: AdapterTraining.Options, base: FlatParameters?)?
    ) throws -> (lanes: any LaneComputing, trained: FloatBuffer) {
        guard let adapter else {
            let parameters = FlatParameters(zeros: configuration)
            let lanes = try LaneEngine(parameters, threads: threads, precision: precision)
            return (lanes, parameters.buffer)
        }
        guard let base = adapter.base else {
            throw FrameError(description: "its adapter came without a base")
        }
        let training = AdapterTraining(try Transformer(over: base), adapter.options, seed: 0)
        return (try training.lanes(threads: threads, precision: precision), training.trained)
    }

    private func backward(
        _ session: Session, _ step: Int, _ question: inout FrameReader, _ answer: inout FrameWriter
    ) throws {
        guard let engine = session.engine, session.step == step else {
            throw FrameError(description: "it was asked for the gradient of a batch that it doesn't have")
        }
        engine.lanes.backward(Set(session.lanes), try LaneFrames.normalizers(&question))
        putGradients(session.lanes, engine, &answer)
    }

    private func putGradients(
        _ lanes: [Int], _ engine: (lanes: any LaneComputing, trained: FloatBuffer),
        _ answer: inout FrameWriter
    ) {
        answer.reserve(lanes.count * (engine.trained.count * 4 + 8))
        for lane in lanes { LaneFrames.put(engine.lanes.laneGradient(lane), &answer) }
    }
}
