package import ArtifactStore
import Base
import JSON
import Recipes
import Synchronization
import SystemPackage

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
