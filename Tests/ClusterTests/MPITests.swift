import Files
import Synchronization
import SystemPackage
import TestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Real ranks: the same files as one process, and nothing hangs or is lost when ranks are killed, stopped or slow.
@Suite(.serialized, .enabled(if: MPIJob.isAvailable, "\(MPIJob.reason)"))
struct MPITests {
    /// What one process makes, by path.
    private static let expected = Result {
        let job = try MPIJob()
        let outcome = try job.alone()
        #expect(outcome.code == 0, "\(outcome.log)")
        return try ScratchFolder.hashes(below: job.store)
    }

    private func expectTheSame(_ job: MPIJob, _ location: SourceLocation = #_sourceLocation) throws {
        let (expected, found) = (try Self.expected.get(), try ScratchFolder.hashes(below: job.store))
        #expect(expected.count > 8, sourceLocation: location)
        for (file, hash) in expected { #expect(found[file] == hash, "\(file)", sourceLocation: location) }
        #expect(found.count == expected.count, sourceLocation: location)
        #expect(try FileSystem.list(job.store.appending(".work")) == [], sourceLocation: location)
    }

    @Test(arguments: [2, 3])
    func ranksMakeTheFilesOfOneProcess(ranks: Int) throws {
        let job = try MPIJob()
        let outcome = try job.start(["-n", "\(ranks)"] + job.command(timeout: 60)).wait()
        #expect(outcome.code == 0, "\(outcome.log)")
        try expectTheSame(job)
        #expect(outcome.log.contains("\(ranks) ranks, ") && outcome.log.contains("rank 1"), "\(outcome.log)")
        #expect(outcome.log.components("[1/") == 2, "one rank speaks: \(outcome.log)")
    }

    @Test func aKilledRankEndsTheJobAndTheNextRunGoesOn() throws {
        let job = try MPIJob()
        let ranks = try job.start(["-n", "2"] + job.command())
        #expect(ranks.waitFor("student: started") == nil)
        usleep(UInt32.random(in: 0..<200_000))
        kill(try job.process(of: 1), SIGKILL)
        let outcome = try #require(ranks.wait(seconds: 900))
        #expect(outcome.code != 0)
        #expect(outcome.log.contains("run the same command again to go on"), "\(outcome.log)")
        #expect(try job.alone().code == 0)
        try expectTheSame(job)
    }

    @Test(arguments: 0..<3)
    func withRecoveryARunFinishesWithoutTheRankThatWasKilled(trial: Int) throws {
        let job = try MPIJob()
        let ranks = try job.start(["--enable-recovery", "-n", "3"] + job.command(timeout: 2))
        #expect(ranks.waitFor("trajectories: started") == nil)
        usleep(UInt32.random(in: 0..<1_500_000))
        kill(try job.process(of: 1 + trial % 2), SIGKILL)
        let outcome = try #require(ranks.wait(seconds: 900))
        #expect(outcome.code == 0, "\(outcome.log)")
        try expectTheSame(job)
    }

    @Test("a job without its rank 0 ends, and the next run goes on", arguments: [[], ["--enable-recovery"]])
    func rankZero(options: [String]) throws {
        let job = try MPIJob()
        let ranks = try job.start(options + ["-n", "3"] + job.command(timeout: 2))
        #expect(ranks.waitFor("student: started") == nil)
        kill(try job.process(of: 0), SIGKILL)
        let outcome = try #require(ranks.wait(seconds: 900))
        // With recovery Open MPI 4.1 returns 0 whatever became of rank 0; the other ranks tell.
        #expect(outcome.code != 0 || outcome.log.contains("this rank ends"), "\(outcome.log)")
        #expect(try job.alone().code == 0)
        try expectTheSame(job)
    }

    @Test func aStoppedRankIsLeftBehind() throws {
        let job = try MPIJob()
        let ranks = try job.start(["-n", "2"] + job.command(timeout: 2))
        #expect(ranks.waitFor("student: started") == nil)
        kill(try job.process(of: 1), SIGSTOP)
        let outcome = try #require(ranks.wait(seconds: 900))
        #expect(outcome.code == 0, "the result is whole: \(outcome.log)")
        try expectTheSame(job)
    }

    @Test func aRankTenTimesSlowerHoldsNobodyUp() throws {
        let job = try MPIJob()
        let ranks = try job.start(["-n", "2"] + job.command(timeout: 30))
        #expect(ranks.waitFor("trajectories: started") == nil)
        let slow = try job.process(of: 1)
        let clock = ContinuousClock.now
        var outcome: Command.Outcome?
        while outcome == nil, clock.duration(to: .now) < .seconds(900) {
            kill(slow, SIGSTOP)
            usleep(45_000)
            kill(slow, SIGCONT)
            usleep(5000)
            outcome = ranks.poll()
        }
        #expect(outcome?.code == 0, "\(outcome?.log ?? ranks.log)")
        try expectTheSame(job)
    }

    @Test func aRankThatNeverStartsIsWaitedForNoLongerThanSaid() throws {
        let job = try MPIJob()
        let outcome = try #require(
            job.start(["-n", "1"] + job.command(timeout: 2) + [":", "-n", "1", "sleep", "120"])
                .wait(seconds: 900))
        #expect(outcome.code != 0)
        #expect(outcome.log.contains("Not all ranks of the job have joined within 2 s"), "\(outcome.log)")
    }

    @Test func anotherStoreIsRefused() throws {
        let job = try MPIJob()
        let elsewhere = job.scratch.path.appending("elsewhere")
        let outcome = try #require(
            job.start(
                ["-n", "1"] + job.command(timeout: 20) + [":", "-n", "1"]
                    + job.command(store: elsewhere, timeout: 20)
            ).wait(seconds: 900))
        #expect(outcome.code == 1)
        #expect(
            outcome.log.contains("None of the 1 other rank can be used.")
                && outcome.log.contains("doesn't see this run's store"), "\(outcome.log)")
    }

    @Test(.enabled(if: Tmpfs.isAvailable, "only root can mount a file system"))
    func aRankWithoutRoomIsLeftOut() throws {
        let job = try MPIJob()
        let full = try #require(Tmpfs(kibibytes: 64))
        try? FileSystem.writeAtomically(
            [UInt8](repeating: 1, count: 56 << 10), to: full.path.appending("much"))
        let outcome = try #require(
            job.start(
                ["-n", "2"] + job.command(timeout: 30) + [
                    ":", "-n", "1", "env", "TMPDIR=\(full.path)",
                ] + job.command(timeout: 30)
            ).wait(seconds: 900))
        #expect(outcome.code == 0, "\(outcome.log)")
        #expect(
            outcome.log.contains("rank 2") && outcome.log.contains("pace left on device"), "\(outcome.log)")
        try expectTheSame(job)
    }
}

@Suite struct MPILibraryTests {
    @Test func withoutTheLibraryARunSaysHowToBuildIt() throws {
        let scratch = try ScratchFolder()
        let outcome = try Command(
            FilePath(MPIJob.d3llm), ["run", MPIJob.micro, "--store", scratch.path.appending("store").string],
            environment: ["OMPI_COMM_WORLD_SIZE": "2", "D3LLM_MPI": "/nowhere/libd3mpi.so"],
            scratch: scratch.path
        ).wait()
        #expect(outcome.code == 69)
        #expect(
            outcome.log.contains("/nowhere/libd3mpi.so can't be loaded")
                && outcome.log.contains("`make mpi`"),
            "\(outcome.log)")
    }
}

extension Command {
    /// Waits until the log has a text; the outcome if the process ended without writing it, else nil.
    fileprivate func waitFor(_ text: String) -> Outcome? {
        while !log.contains(text) {
            if let outcome = poll() { return outcome }
            usleep(5000)
        }
        return nil
    }

    /// How it ended; nil, and it is killed, when it hasn't after so many seconds.
    fileprivate func wait(seconds: Int) -> Outcome? {
        let clock = ContinuousClock.now
        while clock.duration(to: .now) < .seconds(seconds) {
            if let outcome = poll() { return outcome }
            usleep(20_000)
        }
        send(SIGKILL)
        _ = wait()
        return nil
    }
}
