import ArgumentParser
import ArtifactStore
internal import Base
import Cluster
import DecodingStages
import JSON
import Recipes
import Runs
import Stages
import SystemPackage

struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Run the stages of an experiment that aren't in the store yet.",
        discussion: """
            Prints the tables of the experiment and where they are. Stopped or killed, it goes on from there when \
            the same command is run again; Ctrl-C stops at the next safe point, a second Ctrl-C at once.

            Stages that don't need one another run at the same time and share the threads. Several processes may run \
            the same experiment on one store: each stage is made by one of them.

            --only chooses the stages that the run is about, --force and --from choose among them those that are made \
            again although they are in the store. All three can be repeated and take a stage, which means all its \
            variants, or one variant, such as "curve[threshold=0.5]".

            Under mpirun, or srun --mpi=pmix, the ranks share the samples and the training batches of each stage, with \
            the same results as one process; docs/cluster.md tells how. --threads is then the threads of each rank.
            """)

    @OptionGroup var experiment: ExperimentOptions
    @OptionGroup var storage: StoreOptions

    @Option(help: "Threads to use in all, all cores by default; results don't depend on them.")
    var threads: Int?

    @Option(help: "Stages to run at once, as many as threads by default; results don't depend on it.")
    var jobs: Int?

    @Flag(help: "After a failure, run everything that doesn't need the failed stage.")
    var keepGoing = false

    @Option(
        help: ArgumentHelp("Run only this stage and what it needs.", valueName: "stage"),
        completion: StageNames.completion)
    var only: [String] = []

    @Option(
        help: ArgumentHelp("Make this stage again although it is in the store.", valueName: "stage"),
        completion: StageNames.completion)
    var force: [String] = []

    @Option(
        help: ArgumentHelp("Make this stage and all that depend on it again.", valueName: "stage"),
        completion: StageNames.completion)
    var from: [String] = []

    @Flag(help: "Don't measure this machine first to say how long the run takes.")
    var noForecast = false

    @Flag(
        help:
            "Open no connection: inputs from outside are taken from the cache, or the run fails and says which are missing."
    )
    var offline = false

    @OptionGroup var codeExecution: CodeExecutionOptions

    @OptionGroup var trust: TrustOption

    @OptionGroup var ranks: RankOptions

    func validate() throws {
        for (name, number) in [("--threads", threads), ("--jobs", jobs)] {
            guard let number, number < 1 else { continue }
            throw ValidationError("\(name) needs at least 1; this is \(number).")
        }
    }

    func run() throws {
        try ExitCodes.reporting {
            guard let transport = try ranks.join() else { return try run(nil, .standardError()) }
            guard transport.rank == 0 else { return try RankServing.run(transport, equipment) }
            let reporter = ProgressReporter.standardError()
            let job = RankedJob(transport, ranks, reporter)
            try job.run { try ExitCodes.reporting { try run(job.pool, reporter) } }
        }
    }

    /// What stages may do, in this process and in other ranks.
    private var permissions: Permissions {
        var permissions = codeExecution.permissions
        permissions.network = !offline
        return permissions
    }

    /// The store as far as it is trusted.
    private var store: Store { Store(storage.store, trust: trust.trust) }

    private var threadCount: Int { RankOptions.threads(threads) }

    private func run(_ ranks: RankPool?, _ reporter: ProgressReporter) throws {
        let experiment = try experiment.load()
        var options = Runner.Options(
            threads: threadCount, jobs: jobs, keepsGoing: keepGoing, only: only,
            force: force, from: from, arguments: CommandLine.arguments,
            machineExtras: {
                let facts = try machineFacts(experiment)
                guard let ranks else { return facts }
                let members = try ranks.admit(rankFacts(experiment, facts), store)
                return JSONObject(
                    facts.members.map { ($0.key, $0.value) } + [("ranks", RankPool.record(members))])
            })
        options.permissions = permissions
        options.ranks = ranks
        let cancellation = Cancellation.onSignals()
        func runner() -> Runner {
            Runner(
                experiment, store: store, options: options, reporter: reporter,
                cancellation: cancellation)
        }
        if !noForecast,
            let forecast = try runner().forecast(by: .measuring(store, threads: options.threads))
        {
            options.forecasts = forecast.stages
            let lines = forecast.run.lines.map { "\($0)\n" }.joined()
            Output.notice(lines)
        }
        for report in try runner().run().reports {
            Output.words(report.text + (report.text.byteText.hasSuffix("\n") ? "" : "\n"))
            Output.words("\nThis table is in \("\(report.path)".visible)\n")
        }
    }

    /// What decides the last bits of numbers here.
    private func machineFacts(_ experiment: Experiment) throws -> JSONObject {
        let facts = try NumericsFacts.recorded()
        let execution = try CodeExecution.facts(for: experiment, permissions)
        return JSONObject((facts.members + execution.members).map { ($0.key, $0.value) })
    }

    private func rankFacts(_ experiment: Experiment, _ facts: JSONObject) -> RankFacts {
        RankFacts(experiment, permissions: permissions, machine: facts)
    }

    /// What this process computes with as a rank other than 0.
    private func equipment() throws -> RankServer.Equipment {
        let experiment = try experiment.load()
        return RankServer.Equipment(
            facts: rankFacts(experiment, try machineFacts(experiment)), store: storage.store,
            threads: threadCount,
            services: try Stages.rankServices(
                experiment, storage.store, permissions, threads: threadCount))
    }
}

/// The configuration and what the command line changes in it.
struct ExperimentOptions: ParsableArguments {
    @Argument(help: "The configuration of the experiment.", completion: .file(extensions: ["json"]))
    var config: String

    @Option(
        name: .customLong("set"),
        help: ArgumentHelp("Change a key, as in stages.curve.decoder.delay=1.", valueName: "path=value"))
    var overrides: [String] = []

    func load() throws -> Experiment { try configuration().experiment() }

    func configuration() throws -> Configuration {
        try Configuration(FilePath(config), overrides: overrides, registry: D3LLM.registry)
    }
}

/// Whose artifacts are used.
struct TrustOption: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Which artifacts count: imported, also those that `d3llm import` took over, which is said; own, only what was made here, from nothing that wasn't.",
            valueName: "imported|own"))
    var trust: Trust = .imported
}

/// Where artifacts are.
struct StoreOptions: ParsableArguments {
    @Option(name: .customLong("store"), help: "The folder of artifacts.", completion: .directory)
    var path: String = "store"

    @Option(
        help: ArgumentHelp(
            "How processes agree on who makes what: flock, or lease on file systems that machines share. Found out by itself; the variable D3LLM_STORE_LOCKS says it too.",
            visibility: .hidden))
    var storeLocks: StoreLocks?

    var store: Store { Store(FilePath(path), locks: storeLocks) }

    /// The arguments that name the same store to a job, but for its path.
    var lockArguments: [String] { storeLocks.map { ["--store-locks", $0.rawValue] } ?? [] }
}

/// How the ranks of a job work together.
struct RankOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Under mpirun or srun, how long to wait for a rank that isn't heard of before going on without it.",
            valueName: "seconds"))
    var rankTimeout = 60

    @Flag(help: "Under mpirun or srun, say for each stage what each rank did.")
    var ranksLog = false

    func validate() throws {
        guard !(1...86_400).contains(rankTimeout) else { return }
        throw ValidationError("--rank-timeout is \(rankTimeout); it should be 1 to 86400 seconds.")
    }

    /// Joins the other ranks; nil where this process is alone.
    ///
    /// - Throws: `ClusterError` when that fails.
    func join() throws -> MPITransport? {
        guard RankLaunch.current() != nil else { return nil }
        let transport = try MPITransport.join(timeout: .seconds(rankTimeout))
        guard transport.count == 1 else { return transport }
        transport.close(abandoning: false)
        return nil
    }

    /// How many threads a rank has where nobody says; as many as there are cores without ranks.
    static func threads(_ given: Int?) -> Int {
        given ?? RankLaunch.current()?.threads(
            allowed: Machine.current.cores, online: RankLaunch.onlineProcessors) ?? ThreadsOption.count(nil)
    }
}

/// A run whose work several ranks share, as rank 0 sees it.
struct RankedJob {
    let transport: MPITransport
    let pool: RankPool

    init(_ transport: MPITransport, _ options: RankOptions, _ reporter: ProgressReporter) {
        self.transport = transport
        pool = RankPool(
            transport, timeout: .seconds(options.rankTimeout), isVerbose: options.ranksLog,
            log: { reporter.log("ranks: \($0)") })
        reporter.log("\(transport.count) ranks, \(transport.library)")
    }

    /// Runs `body` and ends the job; where ranks are lost this ends the process, with the exit code of the run.
    func run(_ body: () throws -> Void) throws {
        var failure: (any Error)?
        do { try body() } catch { failure = error }
        pool.close()
        if pool.hasLostRanks {
            // Leaving MPI in the regular way would wait for them for ever.
            MPITransport.abort(code: failure.map { D3LLM.exitCode(for: $0).rawValue } ?? 0)
        }
        if let failure { throw failure }
    }
}

/// A rank other than 0: computes what rank 0 asks for, from the same command line, and says nothing itself.
enum RankServing {
    /// - Throws: `ExitCode` when rank 0 is gone.
    static func run(_ transport: MPITransport, _ equipment: () throws -> RankServer.Equipment) throws {
        // A signal to all ranks is rank 0's to act on; a second one ends this one at once.
        _ = Cancellation.onSignals()
        let server = RankServer(transport, equipment)
        guard case .lost(let reason) = server.run() else { return }
        Output.notice("rank \(transport.rank): rank 0 \(reason); this rank ends.\n")
        throw ExitCodes.failure
    }
}
