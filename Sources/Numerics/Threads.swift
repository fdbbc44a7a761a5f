internal import CKernels
internal import Dispatch
internal import Synchronization

/// Data-parallel loops over a fixed number of threads.
public enum Threads {
    /// Number of CPUs that this process may use.
    public static var available: Int { Int(d3_processor_count()) }

    /// Calls `body(i)` for each `i` in `0..<count`, on up to `threads` threads, in no particular order.
    ///
    /// Work is handed out one index at a time, so uneven items balance. Whatever `body` writes must be
    /// separate per index; results must then not depend on the number of threads.
    public static func parallelFor(_ count: Int, threads: Int, _ body: @Sendable (Int) -> Void) {
        parallelFor(count, workers: min(max(1, threads), count)) { _, i in body(i) }
    }

    /// Calls `body(worker, i)` for each `i` in `0..<count`, with at most one call at a time for each worker in
    /// `0..<workers`: for bodies that need scratch memory.
    public static func parallelFor(_ count: Int, workers: Int, _ body: @Sendable (Int, Int) -> Void) {
        if workers <= 1 {
            for i in 0..<count { body(0, i) }
            return
        }
        let next = Atomic<Int>(0)
        DispatchQueue.concurrentPerform(iterations: workers) { worker in
            while true {
                let i = next.wrappingAdd(1, ordering: .relaxed).oldValue
                if i >= count { return }
                body(worker, i)
            }
        }
    }

    /// As ``parallelFor(_:threads:_:)-(_,_,_)`` for bodies that may throw: the remaining indices are skipped after an error,
    /// and the error of the lowest failing index is thrown.
    public static func parallelFor(_ count: Int, threads: Int, _ body: @Sendable (Int) throws -> Void) throws
    {
        let failure = Mutex<(index: Int, error: any Error)?>(nil)
        parallelFor(count, threads: threads) { (i: Int) -> Void in
            if failure.withLock({ $0 != nil }) { return }
            do {
                try body(i)
            } catch {
                failure.withLock { if $0.map({ i < $0.index }) ?? true { $0 = (i, error) } }
            }
        }
        if let failure = failure.withLock({ $0 }) { throw failure.error }
    }
}
