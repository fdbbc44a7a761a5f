internal import CKernels
internal import Dispatch
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

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

/// The value of an environment variable, or `nil` when it is unset or empty.
func environment(_ name: String) -> String? {
    guard let value = getenv(name) else { return nil }
    let text = String(cString: value)
    return text.isEmpty ? nil : text
}

/// Measures what this machine can do, for `doctor` and for forecasts.
public enum PeakProbe {
    /// The CPU's multiply-add limit in GFLOP/s: register-only FMA loops on `threads` threads for about
    /// `seconds`.
    public static func fusedMultiplyAdd(threads: Int, seconds: Double = 0.3) -> Double {
        let operations = Mutex<Double>(0)
        let start = DispatchTime.now().uptimeNanoseconds
        let end = start + UInt64(seconds * 1e9)
        Threads.parallelFor(threads, threads: threads) { (i: Int) -> Void in
            var sink: Float = 1
            var done = 0.0
            while DispatchTime.now().uptimeNanoseconds < end { done += d3_fma_probe(100_000, &sink) }
            operations.withLock { $0 += done }
        }
        return operations.withLock { $0 } / Double(DispatchTime.now().uptimeNanoseconds - start)
    }

    /// GFLOP/s of `rounds` products M × K by (N × K)ᵀ, as a linear layer computes them, on `threads` threads.
    public static func product(m: Int, n: Int, k: Int, threads: Int, seconds: Double = 0.3) -> Double {
        guard (try? BLAS.load()) != nil else { return 0 }
        let a = MutableMatrix(zeros: m, k)
        let b = MutableMatrix(zeros: n, k)
        let c = MutableMatrix(zeros: m, n)
        a.fill(0.5)
        b.fill(0.25)
        let weight = Weight.float32(b.view)
        let arena = Arena()
        weight.multiply(.float32(a.view), into: c, arena, threads: threads)
        var rounds = 0
        let start = DispatchTime.now().uptimeNanoseconds
        var now = start
        while Double(now - start) < seconds * 1e9 {
            weight.multiply(.float32(a.view), into: c, arena, threads: threads)
            rounds += 1
            now = DispatchTime.now().uptimeNanoseconds
        }
        return 2.0 * Double(m) * Double(n) * Double(k) * Double(rounds) / Double(now - start)
    }
}
