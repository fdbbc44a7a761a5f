import ArgumentParser
import ArtifactStore
import JSON
import Recipes
import Runs
import Stages

struct PlanCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan",
        abstract: "Say for each stage whether it would run, why, and what it would take.",
        discussion: """
            Where something would run, this machine is measured for about two seconds, and times, memory and disk of the \
            stages are forecast from the work that they would do. A warning says when memory or disk won't do.
            """)

    @OptionGroup var experiment: ExperimentOptions
    @OptionGroup var storage: StoreOptions

    @Option(help: "Threads to forecast for, all cores by default.")
    var threads: Int?

    @Flag(help: "Don't measure this machine: no times, no memory.")
    var noForecast = false

    @Option(
        help: ArgumentHelp(
            "Print the stages and what they read of one another as a graph instead: mermaid, or dot for Graphviz. What is in the store has a dashed border.",
            valueName: "language"))
    var dag: StageGraph.Language?

    @OptionGroup var trust: TrustOption

    @OptionGroup var output: JSONOption

    func validate() throws {
        try ThreadsOption.check(threads)
        if dag != nil, output.json { throw ValidationError("Give --dag or --json, not both.") }
    }

    func run() throws {
        try ExitCodes.reporting(asJSON: output.json) {
            let forecaster =
                noForecast || dag != nil
                ? nil : Forecaster.measuring(storage.store, threads: ThreadsOption.count(threads))
            let experiment = try experiment.load()
            let store = Store(storage.store, trust: trust.trust)
            let plan = try Plan(experiment, store: store, forecaster: forecaster)
            if let dag {
                let cached = plan.entries.filter { $0.status == .cached }.map(\.stage)
                return Output.file(StageGraph(experiment, cached: Set(cached)).text(in: dag))
            }
            var value = plan.value.object ?? [:]
            for (key, needs) in PermissionOptions.members(experiment) { value[key] = needs }
            if let groups = experiment.source?.groups, !groups.members.isEmpty {
                value["groups"] = .object(groups)
            }
            try output.print(
                experiment.groupsNote + plan.text + PermissionOptions.note(experiment), .object(value))
        }
    }
}

extension StageGraph.Language: ExpressibleByArgument {}

/// `--threads`, as several commands have it.
enum ThreadsOption {
    /// - Throws: `ValidationError` for a number below 1.
    static func check(_ threads: Int?) throws {
        guard let threads, threads < 1 else { return }
        throw ValidationError("--threads needs at least 1; this is \(threads).")
    }

    static func count(_ threads: Int?) -> Int { threads ?? Machine.current.cores }
}

extension Forecaster {
    /// One that measures this machine when it is first asked.
    static func measuring(_ store: Store, threads: Int) -> Forecaster {
        Forecaster(MachineProbe(threads: threads, store: store), threads: threads)
    }
}
