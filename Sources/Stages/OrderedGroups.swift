internal import ArtifactStore
internal import Base
internal import Numerics
internal import Runs
internal import Synchronization

/// Computes groups of samples in parallel and hands on their results in order.
///
/// A group is what is decoded together; its composition is fixed, and results reach the journal in the order of
/// groups, so neither threads nor a resume change a byte of it.
enum OrderedGroups {
    /// - Parameters:
    ///   - first: the first group that isn't done yet.
    ///   - compute: the result of a group; called on several threads.
    ///   - commit: takes the results one at a time, in order.
    static func run<Result: Sendable>(
        from first: Int, to count: Int, context: StageContext,
        compute: @Sendable (Int) throws -> Result, commit: @Sendable (Int, Result) throws -> Void
    ) throws {
        let waiting = Mutex<(next: Int, results: [Int: Result])>((first, [:]))
        try Threads.parallelFor(max(0, count - first), threads: context.threads) { offset in
            try context.checkCancellation()
            let group = first + offset
            let result = try compute(group)
            try waiting.withLock { state in
                state.results[group] = result
                while let ready = state.results.removeValue(forKey: state.next) {
                    try commit(state.next, ready)
                    state.next += 1
                }
            }
        }
    }

    /// Computes groups of a queue that other ranks may take from as well, on the threads of the stage, until all are
    /// done.
    ///
    /// - Throws: What `compute` or the queue's commit threw first.
    static func run(
        _ queue: GroupQueue, context: StageContext,
        compute: @escaping @Sendable (Int) throws -> [JournalRecord]
    ) throws {
        Threads.parallelFor(context.threads, threads: context.threads) { (_: Int) -> Void in
            do {
                while true {
                    try context.checkCancellation()
                    switch queue.take(isRemote: false) {
                    case .done: return
                    case .wait: BlockingThread.sleep(milliseconds: 2)
                    case .compute(let group):
                        let start = ContinuousClock.now
                        queue.finish(group, try compute(group), took: start.duration(to: .now))
                    }
                }
            } catch {
                queue.fail(error)
            }
        }
        try queue.check()
    }
}
