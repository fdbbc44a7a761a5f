internal import CKernels
internal import Dispatch
internal import Synchronization

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
