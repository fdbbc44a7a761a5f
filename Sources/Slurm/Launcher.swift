package import ArtifactStore
internal import Files
internal import JSON
package import Recipes
internal import Runs
package import SystemPackage

/// Hands the stages of an experiment that aren't in the store to Slurm's queue.
package struct Launcher: Sendable {
    /// What jobs run and ask for.
    package struct Options: Sendable {
        package var site: Site
        /// What the command line asks for, over the site's.
        package var resources: Resources
        package var form: JobScript.Form
        /// The path of this program.
        package var program: String
        /// Arguments of `d3llm run` that the launch was given.
        package var arguments: [String]

        package init(
            site: Site, resources: Resources = Resources(), form: JobScript.Form = .tasks, program: String,
            arguments: [String] = []
        ) {
            self.site = site
            self.resources = resources
            self.form = form
            self.program = program
            self.arguments = arguments
        }
    }

    let experiment: Experiment
    let store: Store
    let options: Options

    package init(_ experiment: Experiment, store: Store, options: Options) {
        self.experiment = experiment
        self.store = store
        self.options = options
    }

    /// The scripts that would be handed in if the queue were empty, and how; nothing is written and nobody asked.
    ///
    /// - Parameter source: The configuration as the command line names it, and the arguments of `--set`.
    /// - Throws: `StoreError`, `FileError`.
    package func preview(_ source: (file: FilePath, overrides: [String])) throws -> String {
        let plan = arranged(try LaunchPlan(experiment, done: done()))
        let folder = try FileSystem.absolute(store.launchesFolder(experiment.name))
        let script = try script(
            configuration: FileSystem.absolute(source.file), logs: folder.appending("printed"),
            more: source.overrides.flatMap { ["--set", $0] })
        guard !plan.isEmpty else { return nothing }
        var text = ""
        for job in plan.jobs { text += "==> \(job.name).sh <==\n\(script.text(job, as: options.form))\n" }
        text += "==> submission <==\n"
        for job in plan.jobs {
            let needs = job.needs.map { "$\(Self.variable($0))" }
            let dependency =
                needs.isEmpty
                ? "" : " --dependency=afterok:\(needs.joined(separator: ":")) --kill-on-invalid-dep=yes"
            text += "\(Self.variable(job.name))=$(sbatch --parsable\(dependency) \(job.name).sh)\n"
        }
        return text
    }

    /// What ranks talk through; it lies beside the program.
    private static let library = "libd3mpi.so"

    /// Ranks without it would be so many processes that each begin the whole run.
    ///
    /// What is in a container, or at another path on the nodes, can't be seen from here.
    private func checkRanks() throws {
        guard options.form == .ranks, options.site.program == nil, options.site.container.isEmpty else {
            return
        }
        let library = FilePath(options.program).removingLastComponent().appending(Self.library)
        guard !FileSystem.exists(library) else { return }
        throw LaunchError(
            "The ranks of an MPI job need \(library), which isn't there. Launch without --mpi; `--mpi --print` shows the script that the job would have."
        )
    }

    /// Hands in what neither the store nor the queue has.
    ///
    /// Killed in between, the next launch finds what this one handed in.
    /// - Throws: `LaunchError`, `StoreError`, `FileError`. What was handed in before stays in the queue and recorded.
    package func launch() throws -> LaunchSummary {
        try checkRanks()
        switch try store.launching(experiment.name, submit) {
        case .done(let summary): return summary
        case .busy(let holder):
            throw LaunchError(
                "\(holder) is launching \(experiment.name) from this store right now; wait for it.")
        }
    }

    private func submit() throws -> LaunchSummary {
        let status = try LaunchStatus(experiment, in: store)
        let (queued, outdated) = Self.sort(status, experiment)
        let queue = Queue()
        try queue.cancel(outdated)
        let plan = arranged(
            LaunchPlan(
                experiment, done: Set(status.entries.filter { $0.state == .done }.map(\.fingerprint)),
                queued: queued))
        guard !plan.isEmpty else { return LaunchSummary(status, nil, cancelled: outdated) }
        var record = try LaunchRecord(plan, experiment, in: store)
        let configuration = record.folder.appending(LaunchRecord.configurationName)
        guard let resolved = experiment.source?.resolved else {
            preconditionFailure("an experiment that is launched was read from a configuration")
        }
        try FileSystem.writeAtomically(try resolved.prettyBytes(), to: configuration)
        let script = try script(configuration: configuration, logs: record.logs, more: [])
        for job in plan.jobs {
            try FileSystem.writeAtomically(
                script.text(job, as: options.form), to: record.folder.appending("\(job.name).sh"))
        }
        try record.write()
        var ids: [String: String] = [:]
        for index in record.jobs.indices {
            let job = record.jobs[index].job
            let id = try queue.submit(
                record.folder.appending("\(job.name).sh").string, comment: record.comment(record.jobs[index]),
                after: job.needs.compactMap { ids[$0] } + job.needsQueued)
            ids[job.name] = id
            record.jobs[index].id = id
            try record.write()
        }
        return LaunchSummary(status, record, cancelled: outdated)
    }

    /// What of the queue still holds: by fingerprint the jobs that do, and those that wait for what isn't coming.
    private static func sort(_ status: LaunchStatus, _ experiment: Experiment)
        -> (queued: [String: String], outdated: [String])
    {
        var queued: [String: String] = [:]
        var outdated: [String] = []
        // Full names of stages that have to be handed in; those that need them wait for the wrong jobs.
        var anew: Set<String> = []
        for (stage, entry) in zip(experiment.stages, status.entries) {
            switch entry.state {
            case .done: break
            case .running: queued[entry.fingerprint] = entry.job
            case .waiting where stage.needs.isDisjoint(with: anew): queued[entry.fingerprint] = entry.job
            case .waiting:
                outdated += [entry.job].compactMap { $0 }
                anew.insert(stage.id)
            case .failed, .lost, .new:
                if entry.isStuck { outdated += [entry.job].compactMap { $0 } }
                anew.insert(stage.id)
            }
        }
        return (queued, outdated)
    }

    private func done() throws -> Set<String> {
        let cached = Set(
            try Plan(experiment, store: store).entries.filter { $0.status == .cached }.map(\.stage))
        return Set(experiment.stages.filter { cached.contains($0.id) }.map(\.fingerprint))
    }

    /// As one job of many ranks, if that is wanted.
    private func arranged(_ plan: LaunchPlan) -> LaunchPlan {
        options.form == .ranks ? plan.joined(as: "ranks") : plan
    }

    private func script(configuration: FilePath, logs: FilePath, more: [String]) throws -> JobScript {
        JobScript(
            site: options.site, resources: options.resources, experiment: experiment.name,
            program: options.site.program ?? options.program, configuration: configuration,
            store: try FileSystem.absolute(store.root), workingFolder: try FileSystem.absolute("."),
            logs: logs,
            arguments: more + options.arguments)
    }

    private var nothing: String {
        "\(experiment.name): everything is in the store; there is nothing to launch.\n"
    }

    private static func variable(_ job: String) -> String {
        "job_" + String(String.UnicodeScalarView(job.unicodeScalars.map { $0.isNameSign ? $0 : "_" }))
    }
}
