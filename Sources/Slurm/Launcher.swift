package import ArtifactStore
internal import Base
internal import Files
package import JSON
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

/// What a launch has done.
package struct LaunchSummary: Sendable {
    /// As it was before.
    package let status: LaunchStatus
    let record: LaunchRecord?
    let cancelled: [String]

    init(_ status: LaunchStatus, _ record: LaunchRecord?, cancelled: [String]) {
        self.status = status
        self.record = record
        self.cancelled = cancelled
    }

    /// For people.
    package var text: String {
        let live = status.count(.running, .waiting) - cancelled.count
        var text =
            "\(status.experiment): \(status.entries.count) stages, \(status.count(.done)) in the store, \(max(0, live)) in the queue.\n"
        if status.recovered > 0 {
            text +=
                "Found again what a launch had handed in before it was cut off: \(Self.count(status.recovered, "job")).\n"
        }
        if !cancelled.isEmpty {
            text +=
                "Taken out of the queue, because what they waited for isn't coming: \(cancelled.joined(separator: ", ")).\n"
        }
        guard let record else { return text + "There is nothing to hand in.\n" }
        let width = record.jobs.map(\.job.name.count).max() ?? 0
        var names: [String: String] = [:]
        for entry in record.jobs {
            names[entry.job.name] = entry.id
            let tasks = entry.job.tasks.count
            let needs = entry.job.needs.compactMap { names[$0] } + entry.job.needsQueued
            text +=
                "  \(entry.job.name)\(String(repeating: " ", count: width - entry.job.name.count))  job \(entry.id ?? "?")"
            if entry.job.isArray { text += ", \(Self.count(tasks, "task"))" }
            text += needs.isEmpty ? "\n" : ", after \(needs.joined(separator: ", "))\n"
        }
        return text
            + "Handed in \(Self.count(record.jobs.count, "job")). Scripts, logs and record: \(record.folder)\n"
    }

    /// What `--json` prints.
    package var value: JSONValue {
        [
            "experiment": .string(status.experiment),
            "launch": .orNull(record?.folder.string),
            "cancelled": .array(cancelled.map(JSONValue.string)),
            "jobs": .array(
                (record?.jobs ?? []).map { entry in
                    [
                        "name": .string(entry.job.name), "job": .orNull(entry.id),
                        "stages": .array(entry.job.tasks.map { .string($0.stage) }),
                    ]
                }),
        ]
    }

    private static func count(_ number: Int, _ noun: String) -> String {
        "\(number) \(noun)\(number == 1 ? "" : "s")"
    }
}

/// The text of the scripts that are handed to sbatch.
package struct JobScript: Sendable {
    /// What runs: tasks of an array, each a process of its own, or one job of many ranks.
    package enum Form: Sendable, Hashable {
        case tasks
        case ranks
    }

    package let site: Site
    /// What the jobs ask for, the command line's wishes over those of the site.
    package let resources: Resources
    /// The name of the experiment.
    package let experiment: String
    /// The command as jobs call it.
    package let program: String
    /// The configuration in one piece that jobs run, as an absolute path.
    package let configuration: FilePath
    /// The store, as an absolute path.
    package let store: FilePath
    /// The folder that jobs work in.
    package let workingFolder: FilePath
    /// The folder of the jobs' logs, as an absolute path.
    package let logs: FilePath
    /// Further arguments of `d3llm run`, such as permissions.
    package let arguments: [String]

    package init(
        site: Site, resources: Resources, experiment: String, program: String, configuration: FilePath,
        store: FilePath, workingFolder: FilePath, logs: FilePath, arguments: [String] = []
    ) {
        self.site = site
        self.resources = resources.completed(by: site.resources)
        self.experiment = experiment
        self.program = program
        self.configuration = configuration
        self.store = store
        self.workingFolder = workingFolder
        self.logs = logs
        self.arguments = arguments
    }

    /// The script of one job.
    ///
    /// The paths in it are quoted for the shell. The queue's own log goes nowhere: its quoting and its patterns can't
    /// express every path, so the script itself sends its output to the log.
    package func text(_ job: LaunchPlan.Job, as form: Form = .tasks) -> String {
        let number = job.isArray ? "_$SLURM_ARRAY_TASK_ID" : ""
        let opening = [
            "#!/bin/bash\(site.modules.isEmpty ? "" : " -l")",
            "# \(form == .ranks ? "All stages" : "Stage \(job.name.visible)") of \(experiment.visible), written by d3llm launch slurm.",
            "# No token is handed on: jobs read the file that `hf auth login` writes (HF_HOME/token, HF_TOKEN_PATH).",
        ]
        let start = [
            "mkdir -p -- \(quoted(logs.string)) || exit 3",
            "exec >>\(log(job)) 2>&1",
            "echo \"Job ${SLURM_ARRAY_JOB_ID:-$SLURM_JOB_ID}\(number) on $(hostname), start ${SLURM_RESTART_COUNT:-0}\"",
            "cd -- \(quoted(workingFolder.string)) || exit 3",
        ]
        let lines =
            opening + header(job, form).map { "#SBATCH \($0)" } + [""] + stageChoice(job, form) + start
            + preparation + ["\(command(form)) &", "child=$!"]
        return lines.map { "\($0)\n" }.joined() + ending(job)
    }

    private func header(_ job: LaunchPlan.Job, _ form: Form) -> [String] {
        let limit = site.tasksAtOnce.map { "%\($0)" } ?? ""
        let array =
            job.isArray ? ["--array=\(job.tasks.map { "\($0.index)" }.joined(separator: ","))\(limit)"] : []
        return ["--job-name=\(job.name)@\(experiment)"] + array + resources.options + [
            "--output=/dev/null", "--open-mode=append", "--requeue", "--signal=B:USR1@\(site.warningSeconds)",
        ] + site.options
    }

    /// Which stage the task is about.
    private func stageChoice(_ job: LaunchPlan.Job, _ form: Form) -> [String] {
        guard form == .tasks else { return [] }
        guard job.isArray else { return ["stage=\(quoted(job.tasks.first?.stage ?? ""))"] }
        return ["case $SLURM_ARRAY_TASK_ID in"]
            + job.tasks.map { "\($0.index)) stage=\(quoted($0.stage)) ;;" }
            + ["*) echo \"No task $SLURM_ARRAY_TASK_ID.\" >&2; exit 64 ;;", "esac"]
    }

    private func log(_ job: LaunchPlan.Job) -> String {
        let name = quoted(logs.appending(job.name).string)
        return job.isArray ? "\(name)\"-$SLURM_ARRAY_TASK_ID.txt\"" : "\(name).txt"
    }

    private var preparation: [String] {
        let modules =
            site.modules.isEmpty
            ? [] : ["module load \(site.modules.map(quoted).joined(separator: " ")) || exit 69"]
        let variables = site.environment.map { entry in
            let (name, value) = entry.byteText.cut(at: "=") ?? (entry.byteText, "")
            return "export \(name)=\(quoted(value.text))"
        }
        return modules + variables
    }

    private func command(_ form: Form) -> String {
        // srun takes the CPUs of a rank from no variable of sbatch's any more (Slurm 22.05).
        let cpus = "\(resources.cpusPerTask ?? 1)"
        let prefix = form == .ranks ? ["srun", "--mpi=\(site.mpi)", "--cpus-per-task=\(cpus)"] : []
        let words = prefix + site.container + [program, "run", configuration.string]
        let only = form == .tasks ? " --only \"$stage\"" : ""
        let more = (["--store", store.string] + arguments).map(quoted).joined(separator: " ")
        return words.map(quoted).joined(separator: " ")
            + "\(only) \(more) --threads \"$SLURM_CPUS_PER_TASK\" --no-forecast"
    }

    /// Waits for the command; told of the time limit, has it save and end, and queues the task again.
    private func ending(_ job: LaunchPlan.Job) -> String {
        let id = job.isArray ? "${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID" : "$SLURM_JOB_ID"
        return """
            # The queue sends USR1 to this shell alone, \(site.warningSeconds) seconds before the time limit. SIGTERM, when a job is
            # cancelled or preempted, it sends to all processes itself, and a second one would end d3llm at once.
            late=0
            trap 'late=1; kill -TERM "$child"' USR1
            trap : TERM
            wait "$child"
            while kill -0 "$child" 2>/dev/null; do wait "$child"; done
            wait "$child"
            code=$?
            # 130: it has saved what it has and would go on.
            if [ "$late" = 1 ] && [ "$code" = 130 ] && [ "${SLURM_RESTART_COUNT:-0}" -lt \(site.restarts) ]; then
                scontrol requeue "\(id)" && sleep 60
            fi
            exit "$code"

            """
    }

    private func quoted(_ text: String) -> String { ShellWord.quoted(text) }
}
