import ArtifactStore
import Files
import JSON
import Ranks
import Recipes
import Runs
import Stages
import Synchronization
import SystemPackage
import TestSupport
import Testing

/// The experiment of `Tests/Fixtures/experiments/micro.json`, run by several ranks in this process.
final class RankedRun: Sendable {
    /// A chain with every kind of stage that ranks share, and every way of training.
    static let stages = [
        "trajectories", "student", "d2fStudent", "dparallelStudent", "adapterStudent", "retrained", "tuned",
        "vanilla", "hot", "cached",
    ]

    let scratch: ScratchFolder
    var store: Store { Store(scratch.path.appending("store")) }
    let log = Mutex("")

    init() throws { scratch = try ScratchFolder() }

    static func experiment(set overrides: [String] = []) throws -> Experiment {
        try Experiment.load(
            Fixtures.path("experiments/micro-tuned.json"), overrides: overrides, registry: Stages.registry)
    }

    /// What one process makes of these stages: the hashes of all files by path, computed once.
    static func expected(_ only: [String] = stages) throws -> [String: String] {
        try once.withLock { known in
            if let found = known[only] { return found }
            let run = try RankedRun()
            try run.run(LocalRanks(1), only: only)
            let hashes = try ScratchFolder.hashes(below: run.store.root)
            known[only] = hashes
            return hashes
        }
    }
    private static let once = Mutex<[[String]: [String: String]]>([:])

    /// Runs the experiment with the ranks of `network`, each with the store that `equip` gives.
    ///
    /// - Returns: What the log said.
    @discardableResult
    func run(
        _ network: LocalRanks, threads: Int = 1, only: [String] = stages, cancellation: Cancellation = .never,
        equip: (_ rank: Int) throws -> RankServer.Equipment? = { _ in nil }
    ) throws -> String {
        let say: @Sendable (String) -> Void = { [self] text in log.withLock { $0 += text + "\n" } }
        let experiment = try Self.experiment()
        var options = Runner.Options(threads: threads, only: only)
        let pool =
            network.count > 1
            ? RankPool(network.transport(0), timeout: .seconds(10), isVerbose: true, log: say) : nil
        let servers = (1..<network.count).map { rank in
            RankServer(network.transport(rank)) {
                try equip(rank) ?? Self.equipment(experiment, store)
            }
        }
        defer { pool?.close() }
        if let pool {
            try pool.admit(RankFacts(experiment, codeExecution: false, machine: [:]), store)
            options.ranks = pool
        }
        _ = try Runner(
            experiment, store: store, options: options,
            reporter: ProgressReporter(style: .plain) { say($0) }, cancellation: cancellation
        ).run()
        withExtendedLifetime(servers) {}
        return log.withLock { $0 }
    }

    static func equipment(_ experiment: Experiment, _ store: Store, machine: JSONObject = [:]) throws
        -> RankServer.Equipment
    {
        RankServer.Equipment(
            facts: RankFacts(experiment, codeExecution: false, machine: machine), store: store, threads: 1,
            services: try Stages.rankServices(experiment, store, .none, threads: 1))
    }

    /// Whether the store has the same files as that of one process.
    func expectTheSame(_ only: [String] = stages, _ location: SourceLocation = #_sourceLocation) throws {
        let (expected, found) = (try Self.expected(only), try ScratchFolder.hashes(below: store.root))
        #expect(expected.count > 4, sourceLocation: location)
        for (file, hash) in expected { #expect(found[file] == hash, "\(file)", sourceLocation: location) }
        #expect(found.count == expected.count, sourceLocation: location)
        let left = try FileSystem.list(store.root).filter { $0.hasPrefix(".ranks") }
        #expect(left == [], sourceLocation: location)
    }
}
