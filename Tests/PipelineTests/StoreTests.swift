import Base
import Files
import JSON
import SystemPackage
import Testing

@testable import ArtifactStore
@testable import Recipes
@testable import Runs

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

@Suite struct StoreTests {
    let folder: TemporaryFolder
    let store: Store
    let experiment: Experiment

    init() throws {
        folder = try TemporaryFolder()
        store = Store(folder.path.appending("store"))
        experiment = try parse(stages(#""n": {"kind": "source", "count": 2}"#))
    }

    func run(_ log: Log = Log()) throws -> StageOutcome {
        let outcome = try Runner(experiment, store: store, reporter: log.reporter).run()
        return try #require(outcome.stages.first)
    }

    enum Damage: String, CaseIterable {
        case truncatedMarker, emptyMarker, foreignMarker, noMarker, otherFingerprint, missingFile, shorterFile
        case aFileInItsPlace
    }

    @Test(arguments: Damage.allCases) func damagedArtifactsAreSetAsideAndMadeAgain(damage: Damage) throws {
        let artifact = try run().artifact.folder
        let marker = artifact.appending("artifact.json")
        let bytes = try FileSystem.read(marker)
        switch damage {
        case .truncatedMarker: try FileSystem.writeAtomically(bytes.dropLast(20), to: marker)
        case .emptyMarker: try FileSystem.writeAtomically([], to: marker)
        case .foreignMarker: try FileSystem.writeAtomically("{\"some\": \"thing\"}", to: marker)
        case .noMarker: try FileSystem.remove(marker)
        case .otherFingerprint:
            let fingerprint = experiment.stages[0].fingerprint
            let other = String(fingerprint.reversed())
            try FileSystem.writeAtomically(
                String(decoding: bytes, as: UTF8.self).replacing(fingerprint, with: other), to: marker)
        case .missingFile: try FileSystem.remove(artifact.pushing("data/numbers.txt"))
        case .shorterFile: try FileSystem.writeAtomically("0", to: artifact.pushing("data/numbers.txt"))
        case .aFileInItsPlace:
            try FileSystem.remove(artifact)
            try FileSystem.writeAtomically("x", to: artifact)
        }
        let log = Log()
        let outcome = try run(log)
        #expect(!outcome.wasCached)
        #expect(log.text.contains("warning: ") && log.text.contains("moved to"), "\(log.text)")
        // What was there may be somebody's, so it is kept.
        #expect(try FileSystem.list(store.damagedFolder).count == 1)
        #expect(try run().wasCached)
    }

    @Test func anArtifactOfANewerVersionIsLeftAlone() throws {
        let marker = try run().artifact.folder.appending("artifact.json")
        let text = try FileSystem.readText(marker).replacing("\"format\": 1", with: "\"format\": 2")
        try FileSystem.writeAtomically(text, to: marker)
        let error = #expect(throws: StoreError.self) { try run() }
        #expect(error?.description.contains("has format 2") == true)
        #expect(try FileSystem.readText(marker) == text)
    }

    @Test func aCompleteStoreMayBeReadOnly() throws {
        _ = try run()
        let names = try FileSystem.list(store.root.appending(".locks"))
        try FileSystem.remove(store.root.appending(".locks"))
        #expect(try run().wasCached)
        #expect(
            !FileSystem.exists(store.root.appending(".locks")) && names.count == 2
                && names.contains("gate.lock"))
    }

    @Test func aStoreMayBeASymbolicLink() throws {
        try FileSystem.createDirectory(folder.path.appending("real"))
        let result = folder.path.appending("real").withPlatformString { target in
            store.root.withPlatformString { symlink(target, $0) }
        }
        try #require(result == 0)
        #expect(try !run().wasCached)
        #expect(try run().wasCached)
        #expect(try FileSystem.list(folder.path.appending("real")).contains("toy"))
    }

    @Test func linksInAnArtifactAreRefused() throws {
        try FileSystem.createDirectory(store.root)
        let result = store.root.appending("link").withPlatformString { symlink("/etc/passwd", $0) }
        try #require(result == 0)
        #expect(throws: StoreError.self) { try store.seal(store.root) }
    }

    @Test func temporaryFoldersOfTheDeadAreRemovedAndOfTheLivingKept() throws {
        _ = try store.made()
        let dead = store.temporaryFolder.appending("\(String(repeating: "d", count: 64)).1")
        let living = store.temporaryFolder.appending("\(String(repeating: "e", count: 64)).1")
        try FileSystem.createDirectory(dead)
        try FileSystem.createDirectory(living)
        let lock = try #require(try ArtifactLock.attempt(store, String(repeating: "e", count: 64)))
        _ = try run()
        #expect(!FileSystem.exists(dead))
        #expect(FileSystem.exists(living))
        lock.release()
        store.sweepTemporaryFolders()
        #expect(!FileSystem.exists(living))
    }

    /// A kill between the last rename and the removal of the work leaves this.
    @Test func whatAKilledMakerOfAWholeArtifactLeftIsRemoved() throws {
        let artifact = try run().artifact
        let fingerprint = artifact.record.fingerprint
        let (work, temporary, note) = (
            store.workFolder(fingerprint), store.temporaryFolder.appending("\(fingerprint).1"),
            store.root.appending(".index").appending(fingerprint)
        )
        for folder in [work, temporary] {
            try FileSystem.createDirectory(folder)
            try FileSystem.writeAtomically("x", to: folder.appending("samples.jsonl"))
        }
        try FileSystem.remove(note)
        let lock = try #require(try ArtifactLock.attempt(store, fingerprint))
        #expect(try run().wasCached && FileSystem.exists(work) && FileSystem.exists(temporary))
        lock.release()
        #expect(try run().wasCached && !FileSystem.exists(work) && !FileSystem.exists(temporary))
        #expect(store.notedLocation(of: fingerprint) == artifact.folder)
    }

    @Test func aLockIsHeldOnceAndGivenBack() throws {
        let first = try #require(try ArtifactLock.attempt(store, "f"))
        #expect(try ArtifactLock.attempt(store, "f") == nil)
        #expect(
            ArtifactLock.holder(store, "f").hasPrefix("process \(getpid()) on \(Machine.hostName), since 2"))
        first.release()
        #expect(try ArtifactLock.attempt(store, "f") != nil)
    }

    /// Runs an experiment while the lock of its first stage is held, makes that stage as the holder of the lock would,
    /// gives the lock back; gives how the run went.
    private func runBesideTheMakerOfTheFirstStage(_ experiment: Experiment, _ log: Log) throws -> RunOutcome {
        let first = experiment.stages[0]
        let lock = try #require(try ArtifactLock.attempt(store, first.fingerprint))
        let ended = Mailbox<Result<RunOutcome, any Error>>()
        // A run blocks, and the pool that tests share has few threads.
        try BlockingThread.start { [store] in
            ended.send(Result { try Runner(experiment, store: store, reporter: log.reporter).run() })
        }
        for _ in 0..<3000 where !log.text.contains("waiting for process \(getpid()) on") { usleep(10_000) }
        let other = Store(folder.path.appending("other"))
        let made = try Runner(experiment, store: other, options: .init(only: [first.id])).run().stages[0]
        let place = store.folder(of: first, in: experiment)
        try FileSystem.createDirectory(place.removingLastComponent())
        try FileSystem.rename(made.artifact.folder, to: place)
        lock.release()
        return try #require(ended.receive(milliseconds: 30_000)).get()
    }

    @Test func twoRunsOfOneStageMakeItOnce() throws {
        let log = Log()
        #expect(try runBesideTheMakerOfTheFirstStage(experiment, log).stages.map(\.wasCached) == [true])
        #expect(log.text.contains("made by another process"))
    }

    @Test func whatFollowsAStageThatAnotherProcessMadeIsMadeToo() throws {
        let stages = try runBesideTheMakerOfTheFirstStage(try parse(chain), Log()).stages
        #expect(stages.map(\.wasCached) == [true, false, false, false, false, false])
    }
}
