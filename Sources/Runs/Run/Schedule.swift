/// Which stage starts when, and with how many threads; knows nothing of what stages do.
///
/// A stage is ready when those that it needs are done. Ready stages share the free threads evenly, in running order;
/// which of them run at once never changes what they make.
struct Schedule {
    /// What a stage is to the schedule.
    struct Node {
        package let id: String
        package let fingerprint: String
        /// The stages that it reads, as far as they are part of the run.
        let needs: Set<String>
        /// What it is expected to need, in bytes; nil where nobody knows.
        let memory: Int?
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
        guard let i = index[id] else { return nil }
        let running = nodes.indices.filter { isRunning($0) }
        let free = limits.threads - running.reduce(0) { $0 + threadCount($1) }
        guard running.count < max(1, limits.stages), free > 0 else { return nil }
        if let limit = limits.memory, let memory = nodes[i].memory, !running.isEmpty,
            memory + running.reduce(0, { $0 + (nodes[$1].memory ?? 0) }) > limit
        {
            return nil
        }
        let shares = min(max(1, waiting), max(1, limits.stages) - running.count)
        return max(1, free / shares)
    }

    package mutating func start(_ id: String, threads: Int) { set(id, .running(threads: threads)) }

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
