internal import Base
package import SystemPackage

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
