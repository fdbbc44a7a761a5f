package import ArtifactStore
import Base
import Files
import JSON
package import Ranks
package import Recipes
import Synchronization
import SystemPackage

/// Hands groups of samples to whoever is free, and commits their results in order.
///
/// Which lane computes a group doesn't show in its result. A group whose rank is lost goes back; one that another rank
/// holds for much longer than groups take is given out a second time, and what comes first counts.
package final class GroupQueue: Sendable {
    /// What a free lane is to do.
    package enum Task: Sendable, Hashable {
        case compute(Int)
        /// All groups are given out; some may come back.
        case wait
        case done
    }

    private struct Holding {
        var since: ContinuousClock.Instant
        var isRemote: Bool
    }

    private struct State {
        /// The first group that was never given out.
        var next: Int
        var returned: [Int] = []
        /// Groups that someone computes, by number.
        var held: [Int: [Holding]] = [:]
        var results: [Int: [JournalRecord]] = [:]
        /// The first group that isn't committed.
        var committed: Int
        /// The longest that a group took here; nil before the first.
        var longest: Duration?
        var failure: (any Error)?
    }

    /// How many times as long as the longest group of this process another rank may take.
    package static let patience = 3

    /// How long it may take where this process has none to compare with.
    package static let firstPatience = Duration.seconds(30)

    private let count: Int
    private let commit: @Sendable (Int, [JournalRecord]) throws -> Void
    private let state: Mutex<State>

    /// - Parameters:
    ///   - first: The first group that isn't done yet.
    ///   - commit: Takes the results one at a time, in order.
    package init(
        from first: Int, to count: Int,
        commit: @escaping @Sendable (Int, [JournalRecord]) throws -> Void
    ) {
        self.count = count
        self.commit = commit
        state = Mutex(State(next: first, committed: first))
    }

    /// What a lane does next.
    package func take(isRemote: Bool) -> Task {
        state.withLock { state in
            guard state.failure == nil, state.committed < count else { return .done }
            let group: Int
            if let overdue = overdue(state), !isRemote {
                group = overdue
            } else if let returned = state.returned.popLast() {
                group = returned
            } else if state.next < count {
                group = state.next
                state.next += 1
            } else {
                return .wait
            }
            state.held[group, default: []].append(Holding(since: .now, isRemote: isRemote))
            return .compute(group)
        }
    }

    /// The first group that only another rank computes, and for too long.
    private func overdue(_ state: State) -> Int? {
        let limit = state.longest.map { max($0 * Self.patience, .milliseconds(200)) } ?? Self.firstPatience
        return state.held.filter { group, holdings in
            state.results[group] == nil
                && holdings.allSatisfy { $0.isRemote && $0.since.duration(to: .now) > limit }
        }.keys.min()
    }

    /// Takes a group back that another rank can't compute.
    package func giveBack(_ group: Int) {
        state.withLock { state in
            drop(group, isRemote: true, &state)
            if state.held[group] == nil, group >= state.committed, state.results[group] == nil {
                state.returned.append(group)
            }
        }
    }

    /// Takes the result of a group, unless it is there already.
    ///
    /// - Parameter duration: How long it took; nil where another rank computed it.
    package func finish(_ group: Int, _ records: [JournalRecord], took duration: Duration?) {
        state.withLock { state in
            drop(group, isRemote: duration == nil, &state)
            if let duration { state.longest = max(state.longest ?? .zero, duration) }
            guard state.failure == nil, group >= state.committed, state.results[group] == nil else { return }
            state.held[group] = nil
            state.results[group] = records
            do {
                while let ready = state.results.removeValue(forKey: state.committed) {
                    try commit(state.committed, ready)
                    state.committed += 1
                }
            } catch {
                state.failure = error
            }
        }
    }

    /// Ends all lanes.
    package func fail(_ error: any Error) { state.withLock { $0.failure = $0.failure ?? error } }

    /// Whether there is nothing left to do.
    package var isDone: Bool { state.withLock { $0.failure != nil || $0.committed >= count } }

    /// What went wrong, if anything did.
    package func check() throws {
        if let failure = state.withLock({ $0.failure }) { throw failure }
    }

    private func drop(_ group: Int, isRemote: Bool, _ state: inout State) {
        guard var holdings = state.held[group],
            let place = holdings.firstIndex(where: { $0.isRemote == isRemote })
        else { return }
        holdings.remove(at: place)
        state.held[group] = holdings.isEmpty ? nil : holdings
    }
}

/// Computes groups of samples for rank 0, from the same configuration and the store that all ranks share.
package final class GroupService: RankService {
    /// The name that it is asked by.
    package static let name = "group"

    /// A stage whose inputs are open.
    private final class Opened: Sendable {
        let fingerprint: String
        let groups = Mutex<SampleGroups?>(nil)
        init(_ fingerprint: String) { self.fingerprint = fingerprint }
    }

    /// Stages whose models are kept: matrices of evaluations alternate between few of them.
    private static let keptStages = 3

    private let experiment: Experiment
    private let store: Store
    private let permissions: Permissions
    private let scratch: ScratchSpace
    /// The most recently used last.
    private let opened = Mutex<[Opened]>([])

    /// - Throws: `FileError` when there is no room for temporary files.
    package init(_ experiment: Experiment, _ store: Store, _ permissions: Permissions) throws {
        self.experiment = experiment
        self.store = store
        self.permissions = permissions
        scratch = try ScratchSpace()
        // Full disks are found here, where the rank can still be left out, and not by the first stage.
        try FileSystem.writeAtomically(
            [UInt8](repeating: 1, count: 1 << 16), to: scratch.path.appending("room"))
    }

    package func answer(_ question: inout FrameReader, _ answer: inout FrameWriter) throws {
        let fingerprint = try question.text()
        let group = try question.number(Int.self)
        let groups = try open(fingerprint)
        guard (0..<groups.count).contains(group) else {
            throw FrameError(description: "the stage has no group \(group)")
        }
        answer.put(array: try JournalText.lines(of: groups.compute(group)))
    }

    private func open(_ fingerprint: String) throws -> SampleGroups {
        let entry = opened.withLock { list in
            let entry =
                list.firstIndex { $0.fingerprint == fingerprint }.map { list.remove(at: $0) }
                ?? Opened(fingerprint)
            list.append(entry)
            if list.count > Self.keptStages { list.removeFirst() }
            return entry
        }
        // Threads that need the same stage wait for the one that opens it.
        return try entry.groups.withLock { groups in
            if let groups { return groups }
            let new = try load(fingerprint)
            groups = new
            return new
        }
    }

    private func load(_ fingerprint: String) throws -> SampleGroups {
        guard let stage = experiment.stages.first(where: { $0.fingerprint == fingerprint }),
            let implementation = stage.implementation as? any SampledStage
        else { throw FrameError(description: "the experiment has no stage \(fingerprint.prefix(12))") }
        let names = Set(stage.inputs.flatMap(\.references).map(\.stage))
        var artifacts: [String: Artifact] = [:]
        for input in experiment.stages where names.contains(input.id) {
            artifacts[input.id] = try find(input)
        }
        let context = try StageContext.scratch(
            stage, in: scratch.path.appending(fingerprint), artifacts: artifacts, threads: 1,
            cancellation: .never, permissions: permissions)
        return try implementation.groups(context)
    }

    /// An artifact that rank 0 has; shared file systems may show it with a delay.
    private func find(_ stage: Stage) throws -> Artifact {
        let clock = ContinuousClock.now
        while true {
            let finding = try store.find(stage, in: experiment)
            if case .whole(let artifact) = finding { return artifact }
            guard clock.duration(to: .now) < .seconds(10) else {
                throw StoreError(
                    description: "\(store.folder(of: stage, in: experiment)) isn't there or isn't whole")
            }
            BlockingThread.sleep(milliseconds: 100)
        }
    }
}

/// Gives groups of one stage to other ranks, as many to each as it has threads, until the queue is done.
///
/// One thread does it for all ranks: it only sends and receives.
struct RemoteGroups: Sendable {
    let pool: RankPool
    let queue: GroupQueue
    /// The stage's full name, for messages.
    package let stage: String
    package let fingerprint: String
    /// The samples of a group.
    package let keys: @Sendable (Int) -> ArraySlice<JournalKey>
    package let log: @Sendable (String) -> Void
    private let ended = Mailbox<(group: Int, call: RankCall)>()

    package init(
        _ pool: RankPool, _ queue: GroupQueue, stage: String, fingerprint: String,
        keys: @escaping @Sendable (Int) -> ArraySlice<JournalKey>, log: @escaping @Sendable (String) -> Void
    ) {
        self.pool = pool
        self.queue = queue
        self.stage = stage
        self.fingerprint = fingerprint
        self.keys = keys
        self.log = log
    }

    /// Runs on a thread of its own; answers that come when the queue is done are dropped.
    package func run() {
        var refused: Set<Int> = []
        var work: [RankPool.Member: (groups: Int, time: Duration)] = [:]
        while !queue.isDone {
            give(without: refused)
            guard let (group, call) = ended.receive(milliseconds: 20), let result = call.result else {
                continue
            }
            do {
                queue.finish(group, try records(result.get(), group, call.rank), took: nil)
                if let member = pool.members.first(where: { $0.rank == call.rank }) {
                    work[member, default: (0, .zero)].groups += 1
                    work[member, default: (0, .zero)].time += call.start.duration(to: call.end ?? .now)
                }
            } catch {
                // If the stage itself can't do it, this process will find out the same and say so.
                queue.giveBack(group)
                if !(error is RankLost), refused.insert(call.rank).inserted {
                    log("\(error); \(stage) goes on without it")
                }
            }
        }
        guard pool.isVerbose else { return }
        for (member, done) in work.sorted(by: { $0.key.rank < $1.key.rank }) {
            log(
                "\(stage): \(member.name): \(done.groups) groups in \(Readable.duration(done.time.inSeconds))"
            )
        }
    }

    /// Gives a group to each free thread of the other ranks.
    fileprivate func give(without refused: Set<Int> = []) {
        for member in pool.members where !refused.contains(member.rank) {
            while pool.takeThread(of: member.rank) {
                guard case .compute(let group) = queue.take(isRemote: true) else {
                    pool.releaseThread(of: member.rank)
                    break
                }
                ask(member.rank, group)
            }
        }
    }

    private func ask(_ rank: Int, _ group: Int) {
        let ended = ended
        _ = pool.begin(
            rank, GroupService.name, holdingThread: true,
            completion: { ended.send((group, $0)) },
            { question in
                question.put(fingerprint)
                question.put(group)
            })
    }

    /// The records of an answer.
    ///
    /// - Throws: `RankFailure` when they aren't those of the group's samples.
    private func records(_ answer: FrameReader, _ group: Int, _ rank: Int) throws -> [JournalRecord] {
        var answer = answer
        do {
            let bytes = try answer.array(UInt8.self)
            let records = try JournalText.records(ofLines: bytes)
            guard records.map(\.key) == Array(keys(group)) else {
                throw FrameError(description: "it has other samples")
            }
            return records
        } catch {
            throw pool.failure(rank, "its answer for group \(group) is no result: \(error)")
        }
    }
}

extension StageContext {
    /// Has other ranks take part in computing a queue's groups until it is done; does nothing where there are none.
    ///
    /// - Parameter keys: The stage's samples in order, as they are in the journal.
    package func shareGroups(
        of groups: SampleGroups, keys: [JournalKey], _ queue: GroupQueue
    ) throws {
        guard let ranks else { return }
        let remote = RemoteGroups(
            ranks, queue, stage: stage.id, fingerprint: stage.fingerprint,
            keys: { keys[groups.range(of: $0)] }, log: ranks.log)
        // Before this process takes any: a short stage would be over before the thread has begun.
        remote.give()
        try BlockingThread.start { remote.run() }
    }
}
