internal import Numerics
package import Ranks
internal import Runs
internal import Synchronization
internal import Training
internal import Transformers

/// Has other ranks compute lanes of the batches of one training.
///
/// A rank that doesn't answer within ``patience`` times what this process took is passed over, and its lanes are
/// computed here; as long as it hasn't answered it is asked nothing more.
final class RankLanes: LaneHelpers {
    /// How many times as long as this process's lanes those of others may take.
    static let patience = 3.0
    /// The same for the first batch of a rank, which has memory to get.
    static let firstPatience = 10.0
    /// What they have at least, in seconds: batches of small models are shorter than the pauses of a scheduler.
    static let leastWait = 0.25

    private struct Share {
        let member: RankPool.Member
        let parts: [LanePart]
        var call: RankCall
        var seconds = 0.0
    }

    private let pool: RankPool
    /// How many threads this process computes lanes on; results don't show them.
    var threads: Int
    private let precision: TrainingPrecision
    private let session = UInt64.random(in: 0 ... .max)
    private var shares = LaneShares()
    private var step = 0
    private var given: [Share] = []
    /// Ranks that have computed something, and so have all that they need in memory.
    private var ready: Set<Int> = []
    /// Calls of ranks that were passed over.
    private var overdue: [Int: RankCall] = [:]
    /// Ranks whose answers were no use.
    private var refused: Set<Int> = []
    private var asked: Set<Int> = []
    /// Ranks that were sent the base of an adapter.
    private var haveBase: Set<Int> = []
    private var hasTwoPhases = false
    private var ownSeconds = 0.0
    /// How many lanes each rank computed.
    private(set) var tally: [Int: Int] = [:]

    init(_ pool: RankPool, threads: Int, precision: TrainingPrecision) {
        self.pool = pool
        self.threads = threads
        self.precision = precision
    }

    func begin(_ task: LaneTask, _ model: LaneModel) -> Set<Int> {
        step += 1
        hasTwoPhases = task.hasTwoPhases
        ownSeconds = 0
        given = []
        overdue = overdue.filter { $0.value.result == nil }
        let free = pool.members.filter { !refused.contains($0.rank) && overdue[$0.rank] == nil }
        let lanes = task.parts.filter { !$0.shards.isEmpty }.map(\.lane)
        let threads = [0: self.threads].merging(free.map { ($0.rank, $0.threads) }) { $1 }
        let division = shares.divide(lanes, threads: threads)
        for member in free {
            guard let lanes = division[member.rank], !lanes.isEmpty, pool.takeThread(of: member.rank) else {
                continue
            }
            let part = task.restricted(to: lanes)
            asked.insert(member.rank)
            let needsBase = haveBase.insert(member.rank).inserted
            let base = needsBase ? model.adapter?.base.buffer.count ?? 0 : 0
            let call = ask(
                member.rank, .forward, holdingThread: true,
                capacity: (model.trained.count + base) * 4 + (1 << 16)
            ) {
                LaneFrames.put(model.configuration, precision, &$0)
                LaneFrames.put(model.adapter, withBase: needsBase, &$0)
                LaneFrames.put(model.trained, &$0)
                LaneFrames.put(part, &$0)
            }
            given.append(Share(member: member, parts: part.parts, call: call))
        }
        return Set(given.flatMap { $0.parts.map(\.lane) })
    }

    func losses(_ elapsed: LaneTiming, _ gradient: (Int) -> FloatBuffer) -> [Int: LaneLosses] {
        note(elapsed)
        var result: [Int: LaneLosses] = [:]
        take { share, answer in
            var losses: [Int: LaneLosses] = [:]
            for part in share.parts { losses[part.lane] = try LaneFrames.losses(of: part, &answer) }
            if !hasTwoPhases {
                for part in share.parts { try LaneFrames.read(&answer, into: gradient(part.lane)) }
            }
            result.merge(losses) { $1 }
        }
        if !hasTwoPhases { finish(elapsed.lanes) }
        return result
    }

    func beginBackward(_ normalizers: Normalizers) {
        for i in given.indices {
            let rank = given[i].member.rank
            given[i].call = ask(rank, .backward, holdingThread: pool.takeThread(of: rank), capacity: 1024) {
                LaneFrames.put(normalizers, &$0)
            }
        }
    }

    func gradients(_ elapsed: LaneTiming, _ gradient: (Int) -> FloatBuffer) -> Set<Int> {
        note(elapsed)
        var result: Set<Int> = []
        take { share, answer in
            for part in share.parts { try LaneFrames.read(&answer, into: gradient(part.lane)) }
            result.formUnion(share.parts.map(\.lane))
        }
        finish(elapsed.lanes)
        return result
    }

    /// Says that the training is over, so that ranks forget its model.
    func end() {
        for member in pool.members where asked.contains(member.rank) {
            _ = ask(member.rank, .end, holdingThread: false) { _ in }
        }
    }

    private func ask(
        _ rank: Int, _ question: LaneService.Question, holdingThread: Bool, capacity: Int = 64,
        _ body: (inout FrameWriter) -> Void
    ) -> RankCall {
        pool.begin(rank, LaneService.name, capacity: capacity, holdingThread: holdingThread) { writer in
            writer.put(session)
            writer.put(question.rawValue)
            writer.put(step)
            body(&writer)
        }
    }

    private func note(_ elapsed: LaneTiming) { ownSeconds += elapsed.duration / .seconds(1) }

    /// Waits for what was given out, and reads it; those that don't answer, or with something else, are left out.
    private func take(_ read: (Share, inout FrameReader) throws -> Void) {
        let start = ContinuousClock.now
        given = given.compactMap { share in
            var share = share
            let rank = share.member.rank
            let limit = max(
                Self.leastWait, ownSeconds * (ready.contains(rank) ? Self.patience : Self.firstPatience))
            let left = Duration.seconds(limit) - start.duration(to: .now)
            guard let result = share.call.wait(max(.zero, left)) else {
                overdue[rank] = share.call
                shares.measure(
                    rank, lanes: share.parts.count, threads: share.member.threads,
                    seconds: share.call.start.duration(to: .now) / .seconds(1))
                return nil
            }
            do {
                var answer = try result.get()
                try read(share, &answer)
                share.seconds += share.call.start.duration(to: share.call.end ?? .now) / .seconds(1)
                return share
            } catch is RankLost {
                return nil
            } catch {
                refused.insert(rank)
                let failure =
                    error as? RankFailure ?? pool.failure(rank, "its answer is no gradient: \(error)")
                pool.log("\(failure); the training goes on without it")
                return nil
            }
        }
    }

    private func finish(_ ownLanes: Int) {
        shares.measure(0, lanes: ownLanes, threads: threads, seconds: ownSeconds)
        tally[0, default: 0] += ownLanes
        for share in given {
            tally[share.member.rank, default: 0] += share.parts.count
            guard !ready.insert(share.member.rank).inserted else { continue }
            shares.measure(
                share.member.rank, lanes: share.parts.count, threads: share.member.threads,
                seconds: share.seconds)
        }
    }
}

/// How many lanes of a batch each rank gets, from how long lanes took before.
///
/// Lanes aren't divided, so that what counts is rounds: a rank with T threads computes T lanes at once. A rank that is
/// slow, or far away, gets fewer, down to none; one that got none is tried again later.
struct LaneShares {
    /// What one round of lanes takes, in seconds, transfers included; by rank, 0 being this process.
    private var seconds: [Int: Double] = [:]
    /// What a new measurement counts.
    private static let weight = 0.3
    /// What the estimate of a rank that gets no lanes shrinks by with each batch.
    private static let forgetting = 0.98

    /// Divides lanes.
    ///
    /// - Parameters:
    ///   - lanes: Those with work.
    ///   - threads: Of each rank that is free, this process as 0.
    /// - Returns: For each rank its lanes; the last lanes go to other ranks.
    mutating func divide(_ lanes: [Int], threads: [Int: Int]) -> [Int: [Int]] {
        let known = threads.keys.compactMap { seconds[$0] }
        let guess = known.min() ?? 1
        // This process has one at least, by which others are measured.
        var counts = [0: min(1, lanes.count)]
        for _ in lanes.dropFirst() {
            // The first of equals, so that this process has no less than others.
            let best = threads.keys.sorted().min { a, b in
                time(a, counts[a, default: 0] + 1, threads, guess)
                    < time(b, counts[b, default: 0] + 1, threads, guess)
            }
            counts[best ?? 0, default: 0] += 1
        }
        for rank in threads.keys where rank != 0 && counts[rank, default: 0] == 0 {
            seconds[rank] = seconds[rank].map { $0 * Self.forgetting }
        }
        var rest = lanes[...]
        var result: [Int: [Int]] = [:]
        for rank in counts.keys.sorted() {
            result[rank] = Array(rest.prefix(counts[rank, default: 0]))
            rest = rest.dropFirst(counts[rank, default: 0])
        }
        return result
    }

    /// Takes in how long a rank took.
    mutating func measure(_ rank: Int, lanes: Int, threads: Int, seconds time: Double) {
        guard lanes > 0 else { return }
        let round = time / Double(Self.rounds(lanes, threads))
        seconds[rank] = seconds[rank].map { $0 + Self.weight * (round - $0) } ?? round
    }

    private func time(_ rank: Int, _ lanes: Int, _ threads: [Int: Int], _ guess: Double) -> Double {
        Double(Self.rounds(lanes, threads[rank, default: 1])) * (seconds[rank] ?? guess)
    }

    private static func rounds(_ lanes: Int, _ threads: Int) -> Int {
        (lanes + max(1, threads) - 1) / max(1, threads)
    }
}

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
