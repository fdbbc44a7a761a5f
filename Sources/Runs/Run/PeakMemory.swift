import ArtifactStore
internal import Base
import Synchronization
import SystemPackage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The largest resident size of the process while a stage runs.
///
/// The kernel counts for the process as a whole: while several stages run, the peak is that of all of them. So each
/// measurement also says how many there were at once.
package final class PeakMemory: Sendable {
    /// What was measured for one stage.
    package struct Measurement: Sendable {
        /// In bytes.
        let peak: Int
        /// How many stages ran at once, at most, while this one did; above 1, the peak isn't this stage's alone.
        let stagesAtOnce: Int
    }

    private struct State {
        var next = 0
        /// By number of the measurement, how many there were at once so far.
        var running: [Int: Int] = [:]
    }
    private let state = Mutex(State())

    /// Begins to measure; the number is for ``end(_:)``.
    func begin() -> Int {
        state.withLock { state in
            // A new start would take from the others the peak that they have had.
            if state.running.isEmpty { Self.reset() }
            let number = state.next
            state.next += 1
            state.running[number] = 0
            let count = state.running.count
            for key in state.running.keys { state.running[key] = max(state.running[key] ?? 0, count) }
            return number
        }
    }

    package func end(_ number: Int) -> Measurement {
        state.withLock { state in
            Measurement(peak: Self.bytes(), stagesAtOnce: state.running.removeValue(forKey: number) ?? 1)
        }
    }

    /// Open for as long as the process lives: it can't be opened any more once the process's memory is protected.
    private static let counter = try? FileDescriptor.open(
        "/proc/self/clear_refs", .writeOnly, options: .closeOnExec)

    /// Opens what measuring takes, before the process's memory is protected.
    package static func prepare() { _ = counter }

    /// Starts anew, so that a stage isn't charged for what ran before it.
    ///
    /// Kernels that don't allow it keep the peak of the whole process.
    private static func reset() { _ = try? counter?.writeAll("5".utf8) }

    private static func bytes() -> Int {
        if let text = Machine.field("VmHWM", of: "/proc/self/status"),
            let kibibytes = text.byteText.split(" ").first.flatMap({ Int($0.text) })
        {
            return kibibytes * 1024
        }
        var usage = rusage()
        return getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0 ? usage.ru_maxrss * 1024 : 0
    }
}
