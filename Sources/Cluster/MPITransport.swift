package import Base
internal import CMPI
internal import Dispatch
package import Ranks
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// The ranks of an MPI job.
///
/// One thread does all that concerns MPI. It never waits inside of it: it asks, and sleeps in between, ever longer the
/// longer nothing happens, so that ranks that share a machine don't take its processors from one another.
package final class MPITransport: RankTransport {
    /// This process's number.
    package let rank: Int
    package let count: Int
    /// Name and version of the implementation of MPI.
    package let library: String
    private let shared: Shared

    /// What this process and the thread have in common.
    private final class Shared: Sendable {
        struct State {
            var outbox: [(Frame, Int)] = []
            var receiver: (@Sendable (RankEvent) -> Void)?
            var early: [RankEvent] = []
            /// Whether to end, and whether ranks may be left behind.
            var closing: Bool?
        }
        let state = Mutex(State())
        let wake = DispatchSemaphore(value: 0)
        let closed = DispatchSemaphore(value: 0)
        let timeout: Duration
        init(_ timeout: Duration) { self.timeout = timeout }
    }

    private init(rank: Int, count: Int, library: String, _ shared: Shared) {
        self.rank = rank
        self.count = count
        self.library = library
        self.shared = shared
    }

    /// Joins the job that this process was started in.
    ///
    /// - Parameter timeout: How long to wait for other ranks, here and whenever one isn't heard of.
    /// - Throws: `ClusterError` when MPI can't be loaded, or some rank doesn't join in time.
    package static func join(timeout: Duration) throws -> MPITransport {
        let library = try MPILibrary()
        let shared = Shared(timeout)
        let joined = DispatchSemaphore(value: 0)
        let result = Mutex<Result<(rank: Int, size: Int), ClusterError>?>(nil)
        try BlockingThread.start {
            let outcome = Result { () throws(ClusterError) in try library.join() }
            result.withLock { $0 = outcome }
            joined.signal()
            guard case .success(let (rank, size)) = outcome else { return }
            var loop = Loop(library, shared, rank: rank, count: size)
            loop.run()
            shared.closed.signal()
        }
        guard joined.wait(timeout: .now() + .milliseconds(timeout.milliseconds)) == .success,
            let outcome = result.withLock({ $0 })
        else {
            throw ClusterError(
                code: .joining,
                description:
                    "Not all ranks of the job have joined within \(timeout.milliseconds / 1000) s (--rank-timeout), so that none can begin."
            )
        }
        let (rank, size) = try outcome.get()
        return MPITransport(rank: rank, count: size, library: library.name, shared)
    }

    package func start(_ receive: @escaping @Sendable (RankEvent) -> Void) {
        // What came before is handed on before what comes next, and never under the lock.
        while true {
            let early = shared.state.withLock { state in
                defer { state.early = [] }
                if state.early.isEmpty { state.receiver = receive }
                return state.early
            }
            if early.isEmpty { return }
            for event in early { receive(event) }
        }
    }

    package func send(_ frame: Frame, to rank: Int) {
        shared.state.withLock { $0.outbox.append((frame, rank)) }
        shared.wake.signal()
    }

    package func close(abandoning: Bool) {
        shared.state.withLock { $0.closing = $0.closing ?? abandoning }
        shared.wake.signal()
        // Leaving MPI takes an agreement of all; who doesn't come isn't waited for.
        _ = shared.closed.wait(timeout: .now() + .milliseconds(shared.timeout.milliseconds))
    }

    /// The thread that calls MPI.
    private struct Loop {
        private static let shortestPause = 20.0
        /// In microseconds; what a message waits at most where nothing has happened for a while.
        private static let longestPause = 1000.0
        /// How long a large frame is looked after without a pause.
        private static let attention = Duration.milliseconds(20)

        private let library: MPILibrary
        private let shared: Shared
        private let rank: Int
        private var transfers: Transfers
        /// When each rank that matters was heard of last.
        private var heard: [Int: ContinuousClock.Instant]
        private var lost: Set<Int> = []
        private var lastTurn = ContinuousClock.now
        private var lastBeat: ContinuousClock.Instant?
        private var pause = shortestPause

        init(_ library: MPILibrary, _ shared: Shared, rank: Int, count: Int) {
            self.library = library
            self.shared = shared
            self.rank = rank
            transfers = Transfers(library.functions)
            let others = rank == 0 ? Array(1..<max(1, count)) : [0]
            heard = Dictionary(uniqueKeysWithValues: others.map { ($0, .now) })
        }

        mutating func run() {
            while true {
                turn()
                if let abandoning = shared.state.withLock({ $0.closing }) { return end(abandoning) }
                rest()
            }
        }

        private mutating func turn() {
            let (outbox, receiver) = shared.state.withLock { state in
                defer { state.outbox = [] }
                return (state.outbox, state.receiver)
            }
            for (frame, rank) in outbox where !lost.contains(rank) { transfers.send(frame, to: rank) }
            let now = ContinuousClock.now
            // A process that was stopped, as a whole machine can be, has heard of nobody meanwhile.
            let gap = lastTurn.duration(to: now)
            if gap > .seconds(1) { for key in heard.keys { heard[key]? += gap } }
            lastTurn = now
            var seen: Set<Int> = []
            var events: [RankEvent] = []
            let hasMoved = transfers.progress(
                hear: { seen.insert($0) }, deliver: { events.append(.frame(from: $0, $1)) })
            for rank in seen where heard[rank] != nil { heard[rank] = now }
            if hasMoved || !outbox.isEmpty { pause = Self.shortestPause }
            beat(now)
            for (rank, last) in heard where !lost.contains(rank) && last.duration(to: now) > shared.timeout {
                lost.insert(rank)
                events.append(
                    .lost(rank, reason: "hasn't been heard of for \(shared.timeout.milliseconds / 1000) s"))
            }
            guard !events.isEmpty else { return }
            if let receiver {
                for event in events { receiver(event) }
            } else {
                keep(events)
            }
        }

        /// Hands events on that came while nobody had asked for any, or keeps them.
        private func keep(_ events: [RankEvent]) {
            let receiver = shared.state.withLock { state in
                if state.receiver == nil { state.early += events }
                return state.receiver
            }
            if let receiver { for event in events { receiver(event) } }
        }

        private mutating func beat(_ now: ContinuousClock.Instant) {
            let interval = min(.seconds(2), max(.milliseconds(50), shared.timeout / 10))
            if let lastBeat, lastBeat.duration(to: now) < interval { return }
            lastBeat = now
            for rank in heard.keys where !lost.contains(rank) { transfers.beat(to: rank) }
        }

        private mutating func rest() {
            if let start = transfers.largeStart, start.duration(to: .now) < Self.attention {
                sched_yield()
                return
            }
            _ = shared.wake.wait(timeout: .now() + .nanoseconds(Int(pause * 1000)))
            pause = min(Self.longestPause, pause * 1.2)
        }

        /// Sends what is left and leaves, within the bound.
        private mutating func end(_ abandoning: Bool) {
            let start = ContinuousClock.now
            repeat {
                turn()
                rest()
            } while !transfers.hasSentAll(but: lost) && start.duration(to: .now) < shared.timeout / 2
            if !abandoning && lost.isEmpty { library.functions.pointee.finalize() }
        }
    }

    /// Ends all processes of the job at once: the only way out that doesn't wait for ranks that are gone.
    package static func abort(code: Int32) {
        fflush(nil)
        if let library = try? MPILibrary() { library.functions.pointee.abort(code) }
    }
}

extension Duration {
    /// Whole milliseconds.
    var milliseconds: Int {
        Int(components.seconds) * 1000 + Int(components.attoseconds / 1_000_000_000_000_000)
    }
}

/// The library that `make mpi` builds with the site's own compiler for MPI, loaded when a process is one of several.
///
/// One build of d3llm so serves every implementation of MPI, and those who have none need none.
struct MPILibrary: Sendable {
    /// The file's name; it lies beside d3llm.
    static let fileName = "libd3mpi.so"

    /// `nonisolated(unsafe)`: the table is constant and lives as long as the process.
    nonisolated(unsafe) let functions: UnsafePointer<d3_mpi>

    /// - Throws: `ClusterError` when there is none, or another one.
    init() throws(ClusterError) {
        let path = Self.path
        var message = [CChar](repeating: 0, count: 1024)
        guard let table = d3_mpi_load(path, &message, message.count) else {
            throw ClusterError(
                code: .library,
                description: """
                    This process was started as one of several, but \(path) can't be loaded: \(text(message)). Build it \
                    with `make mpi`, which needs mpicc (on Debian: apt-get install openmpi-bin libopenmpi-dev); \
                    D3LLM_MPI names another place.
                    """)
        }
        functions = table
    }

    private static var path: String {
        if let given = getenv("D3LLM_MPI"), given.pointee != 0 { return String(cString: given) }
        var buffer = [CChar](repeating: 0, count: 4097)
        let count = max(0, readlink("/proc/self/exe", &buffer, buffer.count - 1))
        let executable = String(decoding: buffer[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self)
        let folder = executable.lastIndex(of: "/").map { executable[..<$0] } ?? "."
        return "\(folder)/\(fileName)"
    }

    /// Joins the job.
    func join() throws(ClusterError) -> (rank: Int, size: Int) {
        var (rank, size) = (CInt(0), CInt(0))
        var message = [CChar](repeating: 0, count: 1024)
        guard functions.pointee.`init`(&rank, &size, &message, message.count) == 0 else {
            throw ClusterError(
                code: .joining, description: "This process can't join the other ranks: \(text(message)).")
        }
        return (Int(rank), Int(size))
    }

    /// Name and version of the implementation, on one line.
    var name: String {
        let whole = functions.pointee.library().map { String(cString: $0) } ?? "MPI"
        return String(whole.unicodeScalars.prefix { $0 != "," && $0 != "\n" && $0 != "\0" })
    }
}

private func text(_ buffer: [CChar]) -> String {
    String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
}

/// Why a process that was started as one of several can't join the others.
package struct ClusterError: Failure, Sendable, Hashable {
    /// What kind of thing is wrong.
    package enum Code: Sendable, Hashable {
        /// The library that `make mpi` builds can't be loaded.
        case library
        /// The ranks of the job didn't come together.
        case joining
    }

    package let code: Code
    package let description: String

    package var failureKind: FailureKind { code == .library ? .unavailable : .work }
}
