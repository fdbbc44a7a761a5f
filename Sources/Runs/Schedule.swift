package import ArtifactStore
import Dispatch
package import JSON
import Synchronization
import SystemPackage

/// Which stage starts when, and with how many threads; knows nothing of what stages do.
///
/// A stage is ready when those that it needs are done. Ready stages share the free threads evenly, in running order;
/// those of stages that end go to running ones that can use them, and come back when others are ready. Which of them run at
/// once, and on how many threads, never changes what they make.
struct Schedule {
    /// What a stage is to the schedule.
    struct Node {
        package let id: String
        package let fingerprint: String
        /// The stages that it reads, as far as they are part of the run.
        let needs: Set<String>
        /// What it is expected to need, in bytes; nil where nobody knows.
        let memory: Int?
        /// Whether the number of its threads may change while it runs.
        var isElastic = false
    }

    /// What may be in use at once.
    struct Limits {
        package var threads: Int
        package var stages: Int
        /// In bytes; a stage that wouldn't fit beside the others waits for them, but a stage alone always runs.
        var memory: Int?
    }

    private enum State: Equatable {
        case pending
        case running(threads: Int)
        case done
        /// Failed, stopped or skipped.
        case out
    }

    private let nodes: [Node]
    private let limits: Limits
    private var states: [State]
    private let index: [String: Int]

    package init(_ nodes: [Node], limits: Limits) {
        self.nodes = nodes
        self.limits = limits
        states = Array(repeating: .pending, count: nodes.count)
        index = Dictionary(
            nodes.enumerated().map { ($1.id, $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// The stages that could start, in running order.
    ///
    /// Of two with the same recipe the second waits: it will find what the first made.
    package var ready: [String] {
        var busy = Set(nodes.indices.filter { isRunning($0) }.map { nodes[$0].fingerprint })
        return nodes.indices.filter { i in
            states[i] == .pending && nodes[i].needs.allSatisfy { isDone($0) }
                && busy.insert(nodes[i].fingerprint).inserted
        }.map { nodes[$0].id }
    }

    /// How many threads a stage would get that started now; nil when it has to wait for a running one.
    ///
    /// - Parameter waiting: How many stages are to share the free threads, this one among them.
    package func threads(for id: String, among waiting: Int) -> Int? {
        let running = nodes.indices.filter { isRunning($0) }
        let free = limits.threads - running.reduce(0) { $0 + threadCount($1) }
        guard running.count < max(1, limits.stages), free > 0, fits(id, beside: running) else { return nil }
        let shares = min(max(1, waiting), max(1, limits.stages) - running.count)
        return max(1, free / shares)
    }

    package mutating func start(_ id: String, threads: Int) { set(id, .running(threads: threads)) }

    /// Takes threads back from running stages, as far as they have more than an even share, for stages that could start
    /// then.
    ///
    /// - Returns: The running stages whose number changes, with the new one.
    package mutating func makeRoom(for waiting: [String]) -> [(id: String, threads: Int)] {
        let running = nodes.indices.filter { isRunning($0) }
        let elastic = running.filter { nodes[$0].isElastic }
        let places = min(waiting.count { fits($0, beside: running) }, limits.stages - running.count)
        guard places > 0, !elastic.isEmpty else { return [] }
        let fixed = running.reduce(0) { $0 + (nodes[$1].isElastic ? 0 : threadCount($1)) }
        let even = max(1, (limits.threads - fixed) / (elastic.count + places))
        return elastic.filter { threadCount($0) > even }.map { change($0, to: even) }
    }

    /// Gives threads that nobody uses to running stages that can, evenly, in running order.
    ///
    /// - Returns: As ``makeRoom(for:)``.
    package mutating func giveFree() -> [(id: String, threads: Int)] {
        let running = nodes.indices.filter { isRunning($0) }
        let elastic = running.filter { nodes[$0].isElastic }
        let free = limits.threads - running.reduce(0) { $0 + threadCount($1) }
        guard free > 0, !elastic.isEmpty else { return [] }
        var counts = elastic.map { threadCount($0) }
        for _ in 0..<free {
            // The first of those that have fewest.
            if let least = counts.indices.min(by: { counts[$0] < counts[$1] }) { counts[least] += 1 }
        }
        return zip(elastic, counts).filter { threadCount($0) != $1 }.map { change($0, to: $1) }
    }

    private mutating func change(_ i: Int, to threads: Int) -> (id: String, threads: Int) {
        states[i] = .running(threads: threads)
        return (nodes[i].id, threads)
    }

    private func fits(_ id: String, beside running: [Int]) -> Bool {
        guard let i = index[id], let limit = limits.memory, let memory = nodes[i].memory, !running.isEmpty
        else { return true }
        return memory + running.reduce(0) { $0 + (nodes[$1].memory ?? 0) } <= limit
    }

    /// Puts a stage that was started back to those that could start.
    mutating func postpone(_ id: String) { set(id, .pending) }

    mutating func finish(_ id: String) { set(id, .done) }

    /// Takes out a stage that failed or stopped; gives those that can't run therefore, in running order.
    @discardableResult
    package mutating func drop(_ id: String) -> [String] {
        set(id, .out)
        var dropped: Set<String> = [id]
        var result: [String] = []
        for i in nodes.indices where states[i] == .pending && !nodes[i].needs.isDisjoint(with: dropped) {
            states[i] = .out
            dropped.insert(nodes[i].id)
            result.append(nodes[i].id)
        }
        return result
    }

    /// Whether any stage runs.
    var isRunning: Bool { states.indices.contains { isRunning($0) } }

    /// How many are running.
    var runningCount: Int { states.indices.count { isRunning($0) } }

    private func isRunning(_ i: Int) -> Bool { if case .running = states[i] { true } else { false } }

    private func threadCount(_ i: Int) -> Int {
        if case .running(let threads) = states[i] { threads } else { 0 }
    }

    /// Stages outside the run are there already.
    private func isDone(_ id: String) -> Bool { index[id].map { states[$0] == .done } ?? true }

    private mutating func set(_ id: String, _ state: State) {
        if let i = index[id] { states[i] = state }
    }
}

/// What a run that has something to do shares among its stages.
///
/// It begins with the first stage that has to be made; until then nothing is written, so that a store that is complete
/// may be read-only.
package struct RunSession: Sendable {
    package let folder: RunFolder
    package let code: JSONValue
    /// What the caller knows of the machine.
    package let extras: JSONObject
    let peakMemory = PeakMemory()
    /// When it began.
    let clock = ContinuousClock.now

    /// - Throws: What `machineExtras` throws; `FileError` when the run's folder can't be made.
    package init(_ runner: Runner, started: Timestamp, extras: JSONObject) throws {
        self.extras = extras
        runner.store.sweepTemporaryFolders()
        folder = try RunFolder(runner.experiment, in: runner.store, started: started)
        let paths = MachinePaths(store: runner.store.root)
        let log = folder.log
        runner.reporter.copy { log?.append(paths.hidden(in: $0)) }
        code = CodeIdentity.current().value
    }

    /// The machine as records hold it.
    package func machine(threads: Int) -> JSONValue {
        Machine.current.value(threads: threads, extras: extras)
    }
}

/// Messages from threads to the one that waits for them.
final class Mailbox<Message: Sendable>: Sendable {
    private let messages = Mutex<[Message]>([])
    private let arrived = DispatchSemaphore(value: 0)

    func send(_ message: Message) {
        messages.withLock { $0.append(message) }
        arrived.signal()
    }

    /// The oldest message; nil when none comes in time.
    func receive(milliseconds: Int) -> Message? {
        guard arrived.wait(timeout: .now() + .milliseconds(milliseconds)) == .success else { return nil }
        return messages.withLock { $0.isEmpty ? nil : $0.removeFirst() }
    }
}
