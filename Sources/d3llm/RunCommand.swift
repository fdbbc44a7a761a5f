import ArgumentParser
import ArtifactStore
internal import Base
import Cluster
import DecodingStages
import JSON
import Ranks
import Recipes
import ResultStages
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

    @Flag(
        help:
            "Print what happens as JSON, one object a line, instead of the tables; docs/json.md says what is in it."
    )
    var json = false

    @OptionGroup var permitted: PermissionOptions

    @OptionGroup var trust: TrustOption

    @OptionGroup var ranks: RankOptions

    func validate() throws {
        for (name, number) in [("--threads", threads), ("--jobs", jobs)] {
            guard let number, number < 1 else { continue }
            throw ValidationError("\(name) needs at least 1; this is \(number).")
        }
    }

    func run() throws {
        try ExitCodes.reporting(asJSON: json, isLine: true) {
            let reporter = ProgressReporter.standardError(events: events)
            guard let transport = try ranks.join() else { return try run(nil, reporter) }
            guard transport.rank == 0 else { return try RankServing.run(transport, equipment) }
            let job = RankedJob(transport, ranks, reporter)
            try job.run {
                try ExitCodes.reporting(asJSON: json, isLine: true) { try run(job.pool, reporter) }
            }
        }
    }

    /// What the log tells is told to; nil without --json.
    private var events: (@Sendable (ProgressEvent) -> Void)? {
        guard json else { return nil }
        return { Output.event($0.value) }
    }

    /// What stages may do, in this process and in other ranks.
    private var permissions: Permissions {
        var permissions = permitted.permissions
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
        let outcome = try ExperimentRun.run(
            experiment, store, options, reporter, forecasts: !noForecast)
        if json { Output.event(outcome.event) } else { outcome.showTables() }
    }

    private func machineFacts(_ experiment: Experiment) throws -> JSONObject {
        try ExperimentRun.machineFacts(experiment, permissions)
    }

    private func rankFacts(_ experiment: Experiment, _ facts: JSONObject) -> RankFacts {
        RankFacts(experiment, codeExecution: permissions.codeExecution, machine: facts)
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

/// A run as commands start it: the forecast is told first, and Ctrl-C ends it at a safe point.
enum ExperimentRun {
    /// - Parameter forecasts: Whether this machine is measured to say how long the run takes.
    static func run(
        _ experiment: Experiment, _ store: Store, _ options: Runner.Options, _ reporter: ProgressReporter,
        forecasts: Bool
    ) throws -> RunOutcome {
        var options = options
        let cancellation = Cancellation.onSignals()
        func runner() -> Runner {
            Runner(
                experiment, store: store, options: options, reporter: reporter,
                cancellation: cancellation)
        }
        if forecasts,
            let forecast = try runner().forecast(by: .measuring(store, threads: options.threads))
        {
            options.forecasts = forecast.stages
            let lines = forecast.run.lines.map { "\($0)\n" }.joined()
            Output.notice(lines)
        }
        return try runner().run()
    }

    /// What decides the last bits of numbers here.
    static func machineFacts(_ experiment: Experiment, _ permissions: Permissions) throws -> JSONObject {
        let facts = try NumericsFacts.recorded()
        let execution = try CodeExecution.facts(for: experiment, permissions)
        return JSONObject((facts.members + execution.members).map { ($0.key, $0.value) })
    }
}

extension RunOutcome {
    /// The last event of a run: what it left.
    var event: JSONValue {
        [
            "event": "end", "record": .text(record?.string),
            "stages": .array(
                stages.map { stage in
                    [
                        "stage": .string(stage.stage), "status": stage.wasCached ? "cached" : "made",
                        "folder": .string(stage.artifact.folder.string),
                        "summary": .string(stage.artifact.record.summary),
                    ]
                }),
            "tables": .array(reports.map { .string("\($0.path)") }),
        ]
    }

    /// Prints the tables of the run.
    func showTables() {
        for report in reports {
            let text = ComparisonText.printed(report.text)
            Output.words(text + (text.byteText.hasSuffix("\n") ? "" : "\n"))
            Output.words("\nThis table is in \("\(report.path)".visible)\n")
        }
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

    @Option(
        name: .customLong("sweep"),
        help: ArgumentHelp(
            "Make a stage for each of several values, as in stages.curve.decoder.threshold=0.1,0.2; or the experiment for each seed, as in seed=1,2, or each option of a group, as in groups.model=small,large.",
            valueName: "path=values"))
    var sweeps: [String] = []

    @Option(
        name: .customLong("group"),
        help: ArgumentHelp(
            "Choose an option of a group of settings, as in model=large: short for --set groups.model=large.",
            valueName: "group=option"))
    var groups: [String] = []

    func load() throws -> Experiment { try configuration().experiment() }

    func configuration() throws -> Configuration {
        try ConfigurationFile.check(config)
        return try Configuration(
            FilePath(config), overrides: settings(), registry: D3LLM.registry)
    }

    /// What the command line changes, as arguments of `--set`.
    func settings() throws -> [String] {
        for group in groups where group.byteText.cut(at: "=").map({ $0.before.isEmpty }) ?? true {
            throw SweepError(
                description:
                    "--group takes a group, an equals sign and an option, as in model=large; this is \"\(group)\"."
            )
        }
        return try overrides + groups.map { "groups.\($0)" } + sweeps.map { try Sweep.override($0) }
    }
}

/// `--sweep path=values`, which says in one line what a matrix or `replicate` says in a file.
enum Sweep {
    /// The same as an argument of `--set`.
    ///
    /// - Throws: ``SweepError`` for an argument that names no key, or no values.
    static func override(_ argument: String) throws -> String {
        guard let (path, text) = argument.byteText.cut(at: "="), !path.isEmpty, !text.isEmpty else {
            throw SweepError(
                description:
                    "--sweep takes a path, an equals sign and values with commas between them, as in stages.curve.decoder.threshold=0.1,0.2; this is \"\(argument)\"."
            )
        }
        return "\(try place(of: path.text))=\(try values(text))"
    }

    /// Where the values go: the stage's matrix for one of its keys, else `replicate`.
    private static func place(of path: String) throws -> String {
        let parts = path.byteText.split(".", maxSplits: 2).map(\.text)
        switch parts.first {
        case "stages" where parts.count == 3, "summary" where parts.count == 3:
            return "\(parts[0]).\(parts[1]).matrix.\(parts[2])"
        case "seed" where parts.count == 1, "variables" where parts.count > 1,
            "groups" where parts.count == 2:
            return "replicate.\(path)"
        default:
            throw SweepError(
                description:
                    "--sweep takes a key of a stage, such as stages.curve.decoder.threshold, or seed, a variable such as variables.n, or a group such as groups.model; this is \"\(path)\"."
            )
        }
    }

    /// A JSON list as it is given, or words between commas, which are texts where they are no JSON.
    private static func values(_ text: ByteText) throws -> String {
        if text.hasPrefix("[") { return text.text }
        let values = text.split(",", keepingEmpty: true).map { word -> JSONValue in
            let document = try? JSONDocument(parsing: Array(word.text.utf8), name: "--sweep")
            return document.map { JSONValue($0.root) } ?? .string(word.text)
        }
        return String(decoding: try JSONValue.array(values).compactBytes(), as: UTF8.self)
    }
}

/// An argument of `--sweep` or `--group` that says nothing.
struct SweepError: Failure {
    var failureKind: FailureKind { .request }

    let description: String
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
    var path: String = standard

    /// The store of the current folder.
    private static let standard = "store"

    /// The store for commands that are suggested; nil where they would take it by themselves.
    var given: String? { path == Self.standard ? nil : path }

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
