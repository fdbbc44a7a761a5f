import ArgumentParser
import ArtifactStore
import Audit
import Recipes
import Runs
import Slurm
import SystemPackage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// `d3llm launch` hands an experiment to the queue of a cluster.
struct LaunchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "launch",
        abstract: "Hand an experiment to the queue of a cluster, or see how far it is.",
        subcommands: [Slurm.self, Status.self])

    struct Slurm: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "slurm",
            abstract: "Submit the stages that aren't in the store as Slurm jobs.",
            discussion: """
                Each stage is a job that waits for the jobs of the stages that it needs; a stage with a matrix is an \
                array of tasks, one for each variant. Launched again, it submits only what neither the store nor the \
                queue has: tasks that failed or were lost go on from their journals. A task that comes to its time \
                limit saves what it has and is queued again.

                Partition, account, modules and container come from a site file: the one of --site, else of the \
                variable D3LLM_SITE, else ~/.config/d3llm/site.json. Options of the command line override it. \
                Nothing of it enters a fingerprint. docs/cluster.md has the keys.
                """)

        @OptionGroup var experiment: ExperimentOptions
        @OptionGroup var storage: StoreOptions

        @Flag(
            name: .customLong("print"),
            help: "Only print the scripts; nothing is written, the queue isn't asked.")
        var isPrinting = false

        @Option(
            help: ArgumentHelp("The site file.", valueName: "file"), completion: .file(extensions: ["json"]))
        var site: String?

        @Option(help: ArgumentHelp("The partition to submit to.", valueName: "name"))
        var partition: String?

        @Option(help: ArgumentHelp("The account to charge.", valueName: "name"))
        var account: String?

        @Option(help: ArgumentHelp("The quality of service.", valueName: "name"))
        var qos: String?

        @Option(help: ArgumentHelp("The time limit of each job, as in 12:00:00.", valueName: "time"))
        var time: String?

        @Option(help: ArgumentHelp("The memory of each job on each node, as in 16G.", valueName: "size"))
        var memory: String?

        @Option(help: ArgumentHelp("CPUs of each task or rank, which are also its threads.", valueName: "n"))
        var cpusPerTask: Int?

        @Flag(help: "Submit one MPI job for all stages instead, whose ranks share the work.")
        var mpi = false

        @Option(help: ArgumentHelp("Nodes of the MPI job.", valueName: "n"))
        var nodes: Int?

        @Option(help: ArgumentHelp("Ranks of the MPI job.", valueName: "n"))
        var ntasks: Int?

        @OptionGroup var permitted: PermissionOptions
        @OptionGroup var output: JSONOption

        func validate() throws {
            for (name, number) in [
                ("--cpus-per-task", cpusPerTask), ("--nodes", nodes), ("--ntasks", ntasks),
            ] {
                guard let number, number < 1 else { continue }
                throw ValidationError("\(name) needs at least 1; this is \(number).")
            }
            if !mpi, nodes != nil || ntasks != nil {
                throw ValidationError("--nodes and --ntasks are those of an MPI job; give --mpi with them.")
            }
            if isPrinting, output.json {
                throw ValidationError(
                    "--print prints scripts; --json says what was submitted. Give one of them.")
            }
            if let flaw = resources.flaws.first { throw ValidationError("\(flaw.message) \(flaw.hint)") }
        }

        private var resources: Resources {
            var resources = Resources()
            (resources.partition, resources.account, resources.qos) = (partition, account, qos)
            (resources.time, resources.memory, resources.cpusPerTask) = (time, memory, cpusPerTask)
            if mpi { (resources.nodes, resources.ranks) = (nodes, ntasks) }
            return resources
        }

        func run() throws {
            try ExitCodes.reporting(asJSON: output.json) {
                let site = try Site.find(named: site) { name in getenv(name).map { String(cString: $0) } }
                    .site
                let experiment = try self.experiment.load()
                try experiment.checkPermissions(permitted.permissions, store: storage.store)
                let launcher = Launcher(
                    experiment, store: storage.store,
                    options: .init(
                        site: site, resources: resources, form: mpi ? .ranks : .tasks,
                        program: Launcher.ownProgram,
                        arguments: storage.lockArguments + permitted.arguments))
                if isPrinting {
                    let source = (
                        file: FilePath(self.experiment.config), overrides: try self.experiment.settings()
                    )
                    Output.file(try launcher.preview(source))
                    return
                }
                let summary = try launcher.launch()
                try output.print(summary.text, summary.value)
            }
        }
    }

    struct Status: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "status",
            abstract: "Say for each stage whether it waits, runs, is done, failed or is lost.",
            discussion: """
                Looks at the store, at the records of launches in it and at the queue (squeue; for jobs that the queue \
                has forgotten sacct, where the cluster keeps accounts). A stage is lost when it is in neither. \
                Launching again submits what failed or is lost.
                """)

        @OptionGroup var experiment: ExperimentOptions
        @OptionGroup var storage: StoreOptions
        @OptionGroup var output: JSONOption

        func run() throws {
            try ExitCodes.reporting(asJSON: output.json) {
                let status = try LaunchStatus(try experiment.load(), in: storage.store)
                try output.print(status.text, status.value)
            }
        }
    }
}
