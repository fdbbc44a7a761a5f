import Files
import Recipes
import Slurm
import Stages
import SystemPackage
import TestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

@Suite struct JobScriptTests {
    let plan: LaunchPlan

    init() throws {
        let experiment = try Experiment.parse(
            Array(LaunchPlanTests.text.utf8), name: "k.json", registry: Stages.registry)
        plan = LaunchPlan(experiment, done: [])
    }

    private var site: Site {
        var site = Site.plain
        site.resources.partition = "cpu"
        site.resources.account = "p1"
        site.resources.time = "12:00:00"
        site.resources.cpusPerTask = 8
        site.modules = ["gcc/13", "openmpi"]
        site.container = ["apptainer", "exec", "/images/my image.sif"]
        site.environment = ["OMP_NUM_THREADS=1", "NOTE=it's"]
        site.options = ["--constraint=avx512"]
        site.tasksAtOnce = 2
        return site
    }

    private func script(_ site: Site, in folder: FilePath, program: String = "/opt/d3llm") -> JobScript {
        JobScript(
            site: site, resources: Resources(), experiment: "k/l", program: program,
            configuration: folder.appending("experiment.json"), store: folder.appending("store"),
            workingFolder: folder, logs: folder.appending("logs"), arguments: ["--allow-code-execution"])
    }

    @Test func scriptsAreAsRecorded() throws {
        let script = script(site, in: "/scratch/me")
        for (name, text) in [
            ("array", script.text(plan.jobs[0])), ("job", script.text(plan.jobs[1])),
            ("ranks", script.text(plan.jobs[1], as: .ranks)),
        ] {
            #expect(try text == Snapshots.recorded("slurm/\(name).sh", now: text), "\(name)")
        }
    }

    @Test func theCommandLineOverridesTheSite() throws {
        var wish = Resources()
        wish.partition = "gpu"
        wish.cpusPerTask = 2
        let script = JobScript(
            site: site, resources: wish, experiment: "k", program: "d3llm", configuration: "/c", store: "/s",
            workingFolder: "/w", logs: "/l")
        let text = script.text(plan.jobs[1])
        #expect(text.contains("#SBATCH --partition=gpu\n") && text.contains("#SBATCH --account=p1\n"))
        #expect(text.contains("#SBATCH --cpus-per-task=2\n"))
    }

    /// Spaces, quotes, a dollar, a percent sign, a backslash, letters of other alphabets.
    @Test(arguments: ["plain", "a b", "it's \"so\"", "$HOME `id`", "100%j\\n", "Größe-実験", "-rf", "a#b;c&d"])
    func anyPathReachesTheProgramAsItIs(name: String) throws {
        let scratch = try ScratchFolder()
        let folder = scratch.path.appending(name)
        try FileSystem.createDirectory(folder)
        let program = try Self.program("printf '%s\\n' \"$@\" >args; echo \"$NOTE\" >note", in: folder)
        var plain = Site.plain
        plain.environment = ["NOTE=\(name)"]
        let file = scratch.path.appending("job.sh")
        try FileSystem.writeAtomically(
            script(plain, in: folder, program: program).text(plan.jobs[0]), to: file)
        let check = try Command("/bin/bash", ["-n", file.string], scratch: scratch.path).wait()
        #expect(check.code == 0, "\(check.log)")
        let outcome = try Command(
            "/bin/bash", [file.string],
            environment: ["SLURM_ARRAY_TASK_ID": "2", "SLURM_CPUS_PER_TASK": "3"],
            scratch: scratch.path
        ).wait()
        #expect(outcome.code == 0, "\(outcome.log)")
        let arguments = try FileSystem.readText(folder.appending("args")).split(separator: "\n").map(
            String.init)
        #expect(
            arguments == [
                "run", folder.appending("experiment.json").string, "--only", "p[seed=3]", "--store",
                folder.appending("store").string, "--allow-code-execution", "--threads", "3", "--no-forecast",
            ])
        #expect(try FileSystem.readText(folder.appending("note")) == name + "\n")
        #expect(FileSystem.exists(folder.appending("logs").appending("p-2.txt")))
    }

    @Test func theProgramsExitCodeIsTheJobs() throws {
        let scratch = try ScratchFolder()
        let outcome = try run(scratch, "exit 7", environment: [:]).wait()
        #expect(outcome.code == 7)
    }

    @Test func aTaskNearItsTimeLimitSavesAndIsQueuedAgain() throws {
        for (restart, isQueued) in [("0", true), ("3", true), ("20", false)] {
            let scratch = try ScratchFolder()
            let process = try run(
                scratch, "trap 'echo saved >saved; exit 130' TERM; echo up >up; while :; do sleep 0.1; done",
                environment: ["SLURM_RESTART_COUNT": restart])
            for _ in 0..<600 where !FileSystem.exists(scratch.path.appending("up")) { usleep(10_000) }
            process.send(SIGUSR1)
            let outcome = process.wait()
            #expect(outcome.code == 130, "\(outcome.log)")
            #expect(FileSystem.exists(scratch.path.appending("saved")))
            let requeued = try? FileSystem.readText(scratch.path.appending("requeued"))
            #expect(requeued == (isQueued ? "requeue 9\n" : nil), "restart \(restart)")
        }
    }

    @Test func aTaskThatEndsByItselfAfterTheWarningIsNotQueuedAgain() throws {
        let scratch = try ScratchFolder()
        let process = try run(
            scratch, "trap 'exit 0' TERM; echo up >up; while :; do sleep 0.1; done", environment: [:])
        for _ in 0..<600 where !FileSystem.exists(scratch.path.appending("up")) { usleep(10_000) }
        process.send(SIGUSR1)
        #expect(process.wait().code == 0)
        #expect(!FileSystem.exists(scratch.path.appending("requeued")))
    }

    /// Starts the script of a job with another program in place of d3llm, and an scontrol that notes what it was told.
    private func run(_ scratch: ScratchFolder, _ body: String, environment: [String: String]) throws
        -> Command
    {
        let folder = scratch.path
        let program = try Self.program(body, in: folder)
        _ = try Self.program("echo \"$@\" >\(folder)/requeued", in: folder, "scontrol")
        let file = folder.appending("job.sh")
        // Slurm ends the job while this waits.
        let text = script(.plain, in: folder, program: program).text(plan.jobs[1])
        try FileSystem.writeAtomically(Self.replaced(text, "sleep 60", "true"), to: file)
        let base = [
            "SLURM_JOB_ID": "9", "SLURM_CPUS_PER_TASK": "1",
            "PATH": "\(folder):/usr/local/bin:/usr/bin:/bin",
        ]
        return try Command(
            "/bin/bash", [file.string], environment: base.merging(environment) { $1 }, scratch: folder)
    }

    private static func replaced(_ text: String, _ old: String, _ new: String) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false).map { line -> String in
            line.hasSuffix(old) ? String(line.dropLast(old.count)) + new : String(line)
        }.joined(separator: "\n")
    }

    private static func program(_ body: String, in folder: FilePath, _ name: String = "program") throws
        -> String
    {
        let path = folder.appending(name)
        try FileSystem.writeAtomically("#!/bin/bash\n\(body)\n", to: path)
        chmod(path.string, 0o755)
        return path.string
    }
}
