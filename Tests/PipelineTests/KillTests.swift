import ArtifactStore
import Files
import Runs
import SystemPackage
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A process that is killed in the middle, and the one that goes on from there.
@Suite struct KillTests {
    @Test func killedInTheMiddleGivesTheSameArtifact() async throws {
        let folder = try TemporaryFolder()
        let path = folder.path.string
        await #expect(processExitsWith: .signal(SIGKILL)) { [path = path as String] in
            try KillTests.run(path, set: ["stages.single.killAfter=3", "stages.single.groupSize=2"])
        }
        let store = FilePath(path)
        // The half-made artifact is there under its temporary name only.
        #expect(try FileSystem.list(store.appending(".tmp")).count == 1)
        #expect(try !FileSystem.list(store.pushing("toy/chain")).contains { $0.hasPrefix("single") })
        let resumed = try KillTests.run(path, set: ["stages.single.groupSize=2"])
        #expect(try FileSystem.list(store.appending(".tmp")) == [])
        let single = try #require(resumed.stages.first { $0.stage == "single" }).artifact.record
        #expect(single.isResumed)
        let straight = try KillTests.run(path + "/straight", set: ["stages.single.groupSize=2"])
        let other = try #require(straight.stages.first { $0.stage == "single" }).artifact.record
        #expect(single.files == other.files && single.metrics == other.metrics)
    }

    @Test func theFirstSignalAsksAndTheSecondKills() async {
        await #expect(processExitsWith: .exitCode(7)) {
            let cancellation = Cancellation.onSignals()
            guard !cancellation.isCancelled else { exit(1) }
            // To the process, not to this thread: threads of the pool block signals.
            kill(getpid(), SIGTERM)
            for _ in 0..<500 where !cancellation.isCancelled { usleep(10_000) }
            exit(cancellation.isCancelled ? 7 : 1)
        }
        await #expect(processExitsWith: .signal(SIGINT)) {
            let cancellation = Cancellation.onSignals()
            kill(getpid(), SIGINT)
            for _ in 0..<500 where !cancellation.isCancelled { usleep(10_000) }
            kill(getpid(), SIGINT)
            usleep(5_000_000)
        }
    }

    @discardableResult
    static func run(_ store: String, set overrides: [String]) throws -> RunOutcome {
        try Runner(try parse(chain, set: overrides), store: Store(FilePath(store)), options: .init(jobs: 1))
            .run()
    }
}
