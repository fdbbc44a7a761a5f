import Files
import SystemPackage
import TestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Several processes on one store that agree by leases, as on a file system that machines share.
@Suite(.serialized) struct LeaseProcessTests {
    let command: D3LLMCommand

    init() throws { command = try D3LLMCommand() }

    private static func environment(seconds: Int) -> [String: String] {
        ["D3LLM_STORE_LOCKS": "lease", "D3LLM_LEASE_SECONDS": "\(seconds)"]
    }

    private func start(_ seconds: Int, _ more: [String] = []) throws -> Command {
        try command.start(
            ["run", D3LLMCommand.micro, "--store", command.store.string, "--no-forecast"] + more,
            environment: Self.environment(seconds: seconds))
    }

    /// What one process makes alone, with locks of the kernel.
    private func expected(_ more: [String] = []) throws -> [String: String] {
        let straight = try D3LLMCommand()
        let run = ["run", D3LLMCommand.micro, "--store", straight.store.string, "--no-forecast"]
        #expect(try straight.start(run + more).wait().code == 0)
        return try ScratchFolder.hashes(below: straight.store)
    }

    private func checkStore(_ expected: [String: String]) throws {
        #expect(try ScratchFolder.hashes(below: command.store) == expected)
        for folder in [".tmp", ".work"] {
            let left = try FileSystem.list(command.store.appending(folder))
            #expect(left == [], "\(folder)")
        }
        #expect(!FileSystem.exists(command.store.appending(".damaged")))
    }

    @Test func twoProcessesShareTheWorkAndLeaveNoLease() throws {
        let both = [try start(60, ["--threads", "2"]), try start(60, ["--threads", "3", "--jobs", "2"])]
        let outcomes = both.map { $0.wait() }
        #expect(outcomes.allSatisfy { $0.code == 0 }, "\(outcomes.map(\.log))")
        #expect(outcomes[0].output == outcomes[1].output)
        try checkStore(try expected())
        #expect(try FileSystem.list(command.store.appending(".locks")) == ["leases"])
        // From now on it is used with leases, whoever comes.
        let again = try command(
            "run", D3LLMCommand.micro, "--store", command.store.string, "--store-locks", "flock")
        #expect(again.code == 0 && again.log.contains("Everything is cached"), "\(again.log)")
        #expect(try FileSystem.list(command.store.appending(".locks")) == ["leases"])
    }

    private static let slow = ["--set", "stages.teacher.model.width=128", "--only", "teacher"]

    @Test func theWorkOfAKilledProcessIsTakenOverWhenItsLeaseHasRunOut() throws {
        let first = try start(4, Self.slow)
        try #require(first.waitForLog("teacher: started") == nil)
        command.waitForProgress(first, changes: 2)
        first.send(SIGKILL)
        #expect(first.wait().ending == .signal(Int(SIGKILL)))
        let outcome = try start(4, Self.slow).wait()
        #expect(outcome.code == 0, "\(outcome.log)")
        #expect(outcome.log.contains("teacher: waiting for process "), "\(outcome.log)")
        #expect(outcome.log.contains("Z, ended before it was done\n"), "\(outcome.log)")
        #expect(outcome.log.contains("teacher: going on from "), "\(outcome.log)")
        try checkStore(try expected(Self.slow))
    }

    /// A machine that stands still, and goes on when another has finished its work, or is in the middle of it.
    @Test(arguments: [true, false])
    func aProcessThatStoodStillFindsOutAndDoesNoHarm(isLate: Bool) throws {
        let first = try start(4, Self.slow)
        try #require(first.waitForLog("teacher: started") == nil)
        command.waitForProgress(first, changes: 1)
        first.send(SIGSTOP)
        let second = try start(4, Self.slow)
        if isLate {
            let outcome = second.wait()
            #expect(outcome.code == 0 && outcome.log.contains("teacher: going on from "), "\(outcome.log)")
        } else {
            try #require(second.waitForLog("teacher: going on from ") == nil)
        }
        first.send(SIGCONT)
        let outcome = first.wait()
        #expect(outcome.code == 0, "\(outcome.log)")
        #expect(outcome.log.contains("teacher: The lease on its artifact was lost: "), "\(outcome.log)")
        if isLate {
            #expect(outcome.log.contains("teacher: made by another process"), "\(outcome.log)")
        } else {
            #expect(second.wait().code == 0)
        }
        try checkStore(try expected(Self.slow))
    }

    /// Journals are appended to: those of a process that was stopped must not get into another's.
    @Test func journalsSurviveAProcessThatStoodStill() throws {
        let sampled = ["--set", "stages.vanilla.groupSize=1", "--only", "vanilla"]
        #expect(try start(4, ["--only", "teacher"]).wait().code == 0)
        let first = try start(4, sampled + ["--threads", "1"])
        try #require(first.waitForLog("vanilla: started") == nil)
        command.waitForProgress(first, changes: 3)
        first.send(SIGSTOP)
        let second = try start(4, sampled + ["--threads", "1"])
        try #require(second.waitForLog("vanilla: started") == nil)
        first.send(SIGCONT)
        let outcomes = [first.wait(), second.wait()]
        #expect(outcomes.allSatisfy { $0.code == 0 }, "\(outcomes.map(\.log))")
        try checkStore(try expected(sampled))
    }

    @Test func theCollectorWaitsForLeasesToRunOut() throws {
        let first = try start(3, Self.slow)
        try #require(first.waitForLog("teacher: started") == nil)
        command.waitForProgress(first, changes: 1)
        let collect = ["gc", "--yes", "--store", command.store.string]
        let busy = try command.start(collect, environment: Self.environment(seconds: 3)).wait()
        #expect(busy.code == 0, "\(busy.log)")
        #expect(try !FileSystem.list(command.store.appending(".work")).isEmpty)
        first.send(SIGKILL)
        _ = first.wait()
        try FileSystem.remove(command.experiment.appending("runs"))
        let free = try command.start(collect, environment: Self.environment(seconds: 3)).wait()
        #expect(free.code == 0, "\(free.log)")
        #expect(try FileSystem.list(command.store.appending(".work")) == [], "\(free.output)")
        #expect(try FileSystem.list(command.store.appending(".locks")) == ["leases"], "\(free.output)")
    }

    /// Killed between the end of its work and giving back its lease, or after another had taken over: nobody comes back to
    /// it, since the artifact is whole.
    @Test func aLaterRunRemovesWhatAKilledProcessLeftOfWholeArtifacts() throws {
        let only = ["--only", "tokenizer"]
        #expect(try start(2, only).wait().code == 0)
        let prints = try FileSystem.list(command.store.appending(".index"))
        try #require(prints.count == 2)
        for name in prints {
            for folder in [".work/\(name)", ".tmp/\(name).1f"] {
                let place = command.store.pushing(FilePath(folder))
                try FileSystem.createDirectory(place)
                try FileSystem.writeAtomically("half", to: place.appending("file"))
            }
        }
        // One of them never gave back its lease.
        let lease = "d3llm-lease 1\n\(String(repeating: "ab", count: 16))\n0000000000000007\n2.0\n"
        try FileSystem.writeAtomically(
            lease + #"{"process": 1, "host": "gone", "since": "2026-01-01T00:00:00Z"}"# + "\n",
            to: command.store.pushing(".locks").appending("\(prints[0]).lease"))
        let outcome = try start(2, only).wait()
        #expect(outcome.code == 0, "\(outcome.log)")
        #expect(
            outcome.log.contains("tidying up after process 1 on gone, since 2026-01-01T00:00:00Z"),
            "\(outcome.log)")
        for folder in [".tmp", ".work"] {
            #expect(try FileSystem.list(command.store.appending(folder)) == [], "\(folder)")
        }
    }

    /// Processes that come, stand still, go on and are killed at random moments give what an undisturbed one gives.
    @Test func disturbedAtRandomTheyEndWithTheSameFiles() throws {
        var draws = Draws(state: Command.number("D3LLM_TEST_SEED") ?? UInt64.random(in: 0 ... .max))
        print("LeaseProcessTests: D3LLM_TEST_SEED=\(draws.state)")
        let only = ["student", "vanilla", "causal"].flatMap { ["--only", $0] }
        var (kills, stops) = (0, 0)
        var running: [Command] = []
        var stopped: [Command] = []
        let rounds = Command.number("D3LLM_TORTURE") == nil ? 8 : 60
        for _ in 0..<rounds {
            while running.count < 3 { running.append(try start(2, only + ["--threads", "1"])) }
            usleep(UInt32(200_000 + draws.next() % 600_000))
            let process = running.remove(at: Int(draws.next() % UInt64(running.count)))
            if draws.next() % 2 == 0 {
                process.send(SIGKILL)
                if process.wait().ending == .signal(Int(SIGKILL)) { kills += 1 }
            } else {
                process.send(SIGSTOP)
                stopped.append(process)
                stops += 1
            }
            if stopped.count > 2 {
                let woken = stopped.removeFirst()
                woken.send(SIGCONT)
                running.append(woken)
            }
        }
        for process in stopped { process.send(SIGCONT) }
        for process in running + stopped {
            let outcome = process.wait()
            #expect(outcome.code == 0, "\(outcome.log)")
        }
        #expect(try start(2, only).wait().code == 0)
        print("LeaseProcessTests: \(kills) killed, \(stops) stopped")
        try checkStore(try expected(only))
    }
}
