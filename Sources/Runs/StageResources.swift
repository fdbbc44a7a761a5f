package import ArtifactStore
internal import Base
package import Files
package import Recipes
internal import Synchronization
package import SystemPackage

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

/// How many threads a stage may use at the moment.
///
/// The run gives a stage more when others end and takes some back when others begin; results never show how many there
/// were. Only stages that ask again and again notice (``StageKind/followsThreads``).
package final class ThreadShare: Sendable {
    private struct State {
        var count: Int
        var since = ContinuousClock.now
        /// Threads by seconds until then.
        var spent = 0.0
        var seconds = 0.0
    }

    private let state: Mutex<State>

    package init(_ count: Int) { state = Mutex(State(count: max(1, count))) }

    /// How many there are now, at least 1.
    package var count: Int { state.withLock { $0.count } }

    /// Gives another number from now on.
    package func change(to count: Int) {
        state.withLock { state in
            Self.settle(&state)
            state.count = max(1, count)
        }
    }

    /// How many there were on the average over its life, rounded: what records say and costs are counted from.
    package var mean: Int {
        state.withLock { state in
            Self.settle(&state)
            return state.seconds > 0 ? max(1, Int((state.spent / state.seconds).rounded())) : state.count
        }
    }

    private static func settle(_ state: inout State) {
        let now = ContinuousClock.now
        let seconds = state.since.duration(to: now).inSeconds
        state.spent += seconds * Double(state.count)
        state.seconds += seconds
        state.since = now
    }
}

/// A folder outside any store that goes away with the value.
package final class ScratchSpace: Sendable {
    package let path: FilePath

    /// A folder in `TMPDIR`, or in /tmp.
    package init() throws(FileError) {
        let parent = getenv("TMPDIR").map { FilePath(platformString: $0) } ?? "/tmp"
        var folder = parent
        repeat {
            folder = parent.appending("d3llm-\(String(UInt64.random(in: 0 ... .max), radix: 16))")
        } while try !FileSystem.createNewDirectory(folder)
        path = folder
    }

    // What can't be removed lies where the system tidies up by itself.
    deinit { try? FileSystem.remove(path) }
}

extension StageContext {
    /// A context for running a stage outside its store.
    ///
    /// - Parameters:
    ///   - folder: A folder that is made for it, in which output and work are.
    ///   - artifacts: What the stage refers to, by stage.
    package static func scratch(
        _ stage: Stage, in folder: FilePath, artifacts: [String: Artifact], threads: Int,
        cancellation: Cancellation, permissions: Permissions
    ) throws -> StageContext {
        let (output, work) = (folder.appending("output"), folder.appending("work"))
        for path in [folder, output, work] { try FileSystem.createDirectory(path) }
        // Its progress is nobody's business: a line that has ended already.
        let reporter = ProgressReporter.silent
        let line = reporter.begin(stage.id)
        reporter.end(line)
        return StageContext(
            stage: stage, output: output, workFolder: work, threads: ThreadShare(threads),
            artifacts: artifacts,
            cancellation: cancellation, reporter: reporter, line: line, permissions: permissions)
    }
}
