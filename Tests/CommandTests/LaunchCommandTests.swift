import Files
import SystemPackage
import TestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// `d3llm launch` with programs in place of Slurm's; `make slurm-check` does the same with a real one.
@Suite struct LaunchCommandTests {
    let command: D3LLMCommand
    /// What stands for Slurm: `jobs` has a line for each job in the form of squeue, `submitted` the arguments of sbatch.
    let slurm: FilePath

    init() throws {
        command = try D3LLMCommand()
        slurm = command.scratch.path.appending("slurm")
        try FileSystem.createDirectory(slurm)
        try program(
            "sbatch",
            """
            n=$(($(cat number 2>/dev/null || echo 0) + 1))
            [ -e refuse-$n ] && { echo "sbatch: error: invalid partition specified: x" >&2; exit 1; }
            echo $n >number
            printf '%s ' "$@" >>submitted; echo >>submitted
            for word in "$@"; do case $word in --comment=*) comment=${word#*=} ;; esac; script=$word; done
            tasks=$(sed -n 's/^#SBATCH --array=//p' "$script" | tr , ' ')
            for task in ${tasks:-N/A}; do echo "$n|$task|PENDING|None||$comment" >>jobs; done
            [ -e kill-$n ] && kill -9 $PPID
            echo $n
            """)
        try program(
            "squeue",
            "[ -e broken ] && { echo 'slurm_load_jobs error' >&2; exit 1; }; cat jobs 2>/dev/null; true")
        try program("sacct", "echo 'Slurm accounting storage is disabled' >&2; exit 1")
        try program(
            "scancel",
            "for id in \"$@\"; do sed -i \"s/^${id%_*}|.*PENDING.*/&-/; /^${id%_*}|/d\" jobs; done; echo \"$@\" >>cancelled"
        )
    }

    private func program(_ name: String, _ body: String) throws {
        let path = slurm.appending(name)
        try FileSystem.writeAtomically("#!/bin/bash\ncd \(slurm) || exit 1\n\(body)\n", to: path)
        chmod(path.string, 0o755)
    }

    private static let text = #"""
        {"name": "k/l", "stages": {
          "p": {"kind": "synthesize", "train": 4, "test": 2, "matrix": {"seed": [1, 2, 3]}},
          "t": {"kind": "tokenizer", "corpus": "@p[seed=1]"},
          "u": {"kind": "tokenizer", "corpus": "@p[seed=2]"}
        }}
        """#

    private func launch(_ words: String..., environment: [String: String] = [:]) throws -> Command.Outcome {
        let config = try command.config(Self.text)
        let base = [
            "PATH": "\(slurm):/usr/bin:/bin", "HOME": command.scratch.path.string,
        ]
        let (first, rest) = (words[0], words.dropFirst())
        return try command.start(
            ["launch", first, config, "--store", command.store.string] + rest,
            environment: base.merging(environment) { $1 }
        ).wait()
    }

    private func read(_ name: String) -> String { (try? FileSystem.readText(slurm.appending(name))) ?? "" }

    private func hide(_ text: String) -> String {
        let root = command.scratch.path.string
        return text.split(separator: "\n", omittingEmptySubsequences: false).map { line -> String in
            guard let start = line.firstRange(of: root) else { return String(line) }
            return line[..<start.lowerBound] + "…"
        }.joined(separator: "\n")
    }

    @Test func stagesAreHandedInOnceAndStatusSaysHowFarTheyAre() throws {
        let first = try launch("slurm")
        #expect(first.code == 0, "\(first.log)")
        #expect(
            try hide(first.output) == Snapshots.recorded("command/launch-slurm.txt", now: hide(first.output)))
        let submitted = read("submitted").split(separator: "\n")
        #expect(submitted.count == 3)
        #expect(submitted[1].contains(" --dependency=afterok:1 --kill-on-invalid-dep=yes "), "\(submitted)")
        let again = try launch("slurm")
        #expect(again.output.contains("0 in the store, 5 in the queue.\nThere is nothing to hand in.\n"))
        #expect(read("number") == "3\n")
        let status = try launch("status")
        #expect(try status.output == Snapshots.recorded("command/launch-status.txt", now: status.output))
        #expect(try launch("status", "--json").output.contains("\"state\": \"waiting\""))
    }

    @Test func lostTasksAreHandedInAgainWithWhatWaitedForThem() throws {
        #expect(try launch("slurm").code == 0)
        // p[seed=2] was cancelled, all else of the array goes on; u waits for what isn't coming.
        let (p, t, u) = (comment(1), comment(2), comment(3))
        try FileSystem.writeAtomically(
            """
            1|0|RUNNING|None|n1|\(p)
            1|1|CANCELLED|None||\(p)
            1|2|RUNNING|None|n1|\(p)
            2|N/A|PENDING|Dependency||\(t)
            3|N/A|PENDING|Dependency||\(u)

            """, to: slurm.appending("jobs"))
        let status = try launch("status")
        #expect(status.output.contains("k/l: 5 stages, 2 running, 2 waiting, 1 failed."), "\(status.output)")
        let again = try launch("slurm")
        #expect(again.code == 0 && read("cancelled") == "3\n", "\(again.log)\(again.output)")
        let submitted = read("submitted").split(separator: "\n").suffix(2)
        #expect(submitted.first?.contains("--dependency") == false)
        #expect(submitted.last?.contains("afterok:4 ") == true, "\(submitted)")
        let record = try scripts(of: "p").last ?? ""
        #expect(
            record.contains("#SBATCH --array=1\n") && record.contains("1) stage='p[seed=2]'"), "\(record)")
        // Jobs that the queue has forgotten and that left nothing are lost.
        try FileSystem.writeAtomically("", to: slurm.appending("jobs"))
        #expect(try launch("status").output.contains("5 lost."))
        #expect(try launch("slurm").output.contains("Handed in 3 jobs."))
    }

    /// What the queue says of a job that was handed in.
    private func comment(_ job: Int) -> String {
        let line = read("jobs").split(separator: "\n").first { $0.hasPrefix("\(job)|") } ?? ""
        return line.split(separator: "|", omittingEmptySubsequences: false).last.map(String.init) ?? ""
    }

    @Test("a job with a recorded number that isn't marked as the record's is another's, and stays")
    func numbersAloneAreNoProof() throws {
        #expect(try launch("slurm").code == 0)
        #expect(comment(3).hasPrefix("d3llm "), "\(read("jobs"))")
        for other in ["my other job", "", comment(2), comment(3) + "x"] {
            try FileSystem.writeAtomically(
                "3|N/A|PENDING|DependencyNeverSatisfied||\(other)\n", to: slurm.appending("jobs"))
            #expect(try launch("status").output.contains("5 lost."))
            // The accounting knows the number too.
            try program("sacct", "echo '3|PENDING'")
            #expect(try launch("status").output.contains("5 lost."))
            try program("sacct", "exit 1")
        }
        #expect(try launch("slurm").output.contains("Handed in 3 jobs."))
        #expect(read("cancelled").isEmpty && read("jobs").contains("3|N/A|PENDING|"), "\(read("jobs"))")
    }

    @Test("a record whose job has no number for one is refused")
    func numbersAreNumbers() throws {
        #expect(try launch("slurm").code == 0)
        let launches = command.store.pushing("k/l/launches")
        let folder = launches.appending(try #require(try FileSystem.list(launches).first))
        let text = try FileSystem.readText(folder.appending("launch.json"))
        for id in ["--state=PENDING", "", "3 4", "3,4", "３"] {
            try FileSystem.writeAtomically(
                text.replacing("\"job\": \"3\"", with: "\"job\": \"\(id)\""),
                to: folder.appending("launch.json"))
            let outcome = try launch("status")
            #expect(outcome.code != 0 && outcome.log.contains("the number of job u is none"), "\(outcome)")
        }
    }

    private func scripts(of job: String) throws -> [String] {
        let launches = command.store.pushing("k/l/launches")
        return try FileSystem.list(launches).sorted().compactMap { name in
            try? FileSystem.readText(launches.appending(name).appending("\(job).sh"))
        }
    }

    @Test func aLaunchThatWasKilledIsGoneOnWith() throws {
        try FileSystem.writeAtomically("", to: slurm.appending("kill-2"))
        let first = try launch("slurm")
        #expect(first.ending == .signal(Int(SIGKILL)), "\(first)")
        // The second job is in the queue, but its number was never noted.
        let second = try launch("slurm")
        #expect(second.code == 0, "\(second.log)")
        #expect(
            second.output.contains("Found again what a launch had handed in before it was cut off: 1 job."))
        #expect(second.output.contains("5 stages, 0 in the store, 4 in the queue."), "\(second.output)")
        #expect(read("number") == "3\n")
        #expect(read("submitted").contains("afterok:1_1 "), "\(read("submitted"))")
        #expect(try launch("status").output.contains("5 waiting."))
    }

    @Test func refusedJobsLeaveWhatWasHandedIn() throws {
        try FileSystem.writeAtomically("", to: slurm.appending("refuse-2"))
        let first = try launch("slurm")
        #expect(first.code == 1)
        #expect(
            first.log.contains("ended with code 1:\n  sbatch: error: invalid partition specified: x"),
            "\(first.log)")
        try FileSystem.remove(slurm.appending("refuse-2"))
        #expect(try launch("slurm").output.contains("3 in the queue."))
        #expect(read("number") == "3\n")
    }

    @Test func jobsRunWhatTheConfigurationWasWhenTheyWereHandedIn() throws {
        #expect(try launch("slurm", "--set", "stages.p.train=6").code == 0)
        let launches = command.store.pushing("k/l/launches")
        let folder = launches.appending(try #require(try FileSystem.list(launches).first))
        let base = ["SLURM_CPUS_PER_TASK": "1", "SLURM_JOB_ID": "1", "SLURM_ARRAY_JOB_ID": "1"]
        for task in ["0", "1", "2"] {
            let process = try Command(
                "/bin/bash", [folder.appending("p.sh").string],
                environment: base.merging(["SLURM_ARRAY_TASK_ID": task]) { $1 }, scratch: command.scratch.path
            )
            #expect(process.wait().code == 0)
        }
        #expect(try launch("status", "--set", "stages.p.train=6").output.contains("3 done, 2 waiting."))
        #expect(try launch("status").output.contains("5 not launched."))
        let log = try FileSystem.readText(folder.appending("logs").appending("p-1.txt"))
        #expect(log.contains("Job 1_1 on ") && log.contains("p[seed=2]: "), "\(log)")
    }

    @Test func printedScriptsNeedNoQueueAndWriteNothing() throws {
        let outcome = try launch("slurm", "--print", environment: ["PATH": "/usr/bin:/bin"])
        #expect(outcome.code == 0 && outcome.output.contains("==> p.sh <==\n#!/bin/bash\n"), "\(outcome.log)")
        #expect(outcome.output.contains("job_t=$(sbatch --parsable --dependency=afterok:$job_p "))
        #expect(!FileSystem.exists(command.store))
        let ranks = try launch("slurm", "--print", "--mpi", "--nodes", "2", "--ntasks", "4")
        #expect(ranks.output.contains("#SBATCH --nodes=2\n#SBATCH --ntasks=4\n"), "\(ranks.output)")
        #expect(ranks.output.contains("srun --mpi=pmix --cpus-per-task=1 "))
    }

    @Test func whatCannotBeDoneIsSaid() throws {
        #expect(try launch("slurm", "--nodes", "2").code == 64)
        if !FileSystem.exists(D3LLMCommand.executable.removingLastComponent().appending("libd3mpi.so")) {
            let ranks = try launch("slurm", "--mpi", "--ntasks", "2")
            #expect(ranks.code == 1 && ranks.log.contains("libd3mpi.so, which isn't there."), "\(ranks.log)")
            #expect(read("submitted") == "")
        }
        #expect(try launch("slurm", "--partition", "a b").code == 64)
        #expect(try launch("slurm", "--site", "/nonexistent.json").code == 3)
        let site = try command.config(#"{"partition": "x", "modulus": []}"#, "site.json")
        let wrong = try launch("slurm", environment: ["D3LLM_SITE": site])
        #expect(wrong.code == 2 && wrong.log.contains("Did you mean \"modules\"?"), "\(wrong.log)")
        try FileSystem.writeAtomically("", to: slurm.appending("broken"))
        #expect(try launch("status").code == 0)
        #expect(try launch("slurm").code == 0)
        #expect(try launch("status").log.contains("squeue --me"))
        let launches = command.store.pushing("k/l/launches")
        let record = launches.appending(try #require(try FileSystem.list(launches).last)).appending(
            "launch.json")
        let missing = try launch("status", "--json", environment: ["PATH": "/nonexistent"])
        #expect(
            missing.code == 1 && missing.output.contains("squeue can't be run: No such file"),
            "\(missing.output)")
        try FileSystem.writeAtomically("{", to: record)
        let damaged = try launch("status")
        #expect(
            damaged.code == 1 && damaged.log.contains("launch.json is no record of a launch"),
            "\(damaged.log)")
    }

    @Test func launchesAreKnownToTheCollector() throws {
        #expect(try launch("slurm").code == 0)
        let outcome = try command("gc", "--store", command.store.string)
        #expect(outcome.code == 0 && !outcome.output.contains("launches"), "\(outcome.output)")
    }
}
