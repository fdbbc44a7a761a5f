import Files
import JSON
import SystemPackage
import TestSupport
import Testing

@testable import ArtifactStore
@testable import Audit
@testable import Runs

@Suite struct GarbageTests {
    let run: FinishedRun
    var store: Store { run.store }

    init() throws { run = try FinishedRun() }

    private func collector(olderThan days: Int = 0) -> GarbageCollector {
        GarbageCollector(store, registry: toys, olderThan: days)
    }

    private func paths(_ kind: GarbageCollector.Item.Kind, olderThan days: Int = 0) throws -> [String] {
        try collector(olderThan: days).look().items.filter { $0.kind == kind }.map(\.path.string)
    }

    /// A run of the chain with another seed, whose folder of runs is gone again.
    private func abandoned() throws -> RunOutcome {
        let outcome = try Runner(try parse(chain, set: ["seed=9"]), store: store).run()
        try FileSystem.remove(try #require(outcome.record))
        return outcome
    }

    @Test func whatRunsReferToStaysAndTheRestGoes() throws {
        let outcome = try abandoned()
        let before = try run.contents()
        let report = try collector().look()
        let artifacts = report.items.filter { $0.kind == .artifact }
        #expect(artifacts.count == 6 && report.keptArtifacts == 6 && report.foreign.isEmpty)
        #expect(artifacts.allSatisfy { $0.size > 500 })
        // Looking changes nothing.
        #expect(try run.contents() == before)
        let done = try collector().remove(report)
        #expect(done.removed?.count == report.items.count)
        for stage in outcome.stages { #expect(!FileSystem.exists(stage.artifact.folder)) }
        #expect(try run.verify().holds)
        #expect(try FileSystem.list(store.temporaryFolder) == [])
        #expect(try FileSystem.list(store.root.appending(".index")).count == 6)
        let after = try collector().look()
        #expect(
            after.items.isEmpty && after.text == "Nothing to remove; 6 artifacts stay.\n", "\(after.text)")
        #expect(try Runner(try parse(chain), store: store).run().stages.allSatisfy { $0.wasCached })
    }

    @Test func theInputsOfWhatIsReferredToStay() throws {
        let text = chain.replacing("toy/chain", with: "toy/other").replacing("0.25, 0.5, 1", with: "0.75")
        _ = try Runner(try parse(text), store: store).run()
        try FileSystem.remove(run.location.folder)
        // The numbers are the first experiment's, but the second was made from them.
        #expect(try paths(.artifact).count == 4)
        _ = try collector().remove(try collector().look())
        #expect(try Verifier(RunLocation.find("toy/other", in: store), registry: toys).verify().holds)
    }

    @Test func aRunWithoutRecordKeepsWhatItMayWant() throws {
        let outcome = try Runner(try parse(chain, set: ["seed=9"]), store: store).run()
        let folder = try #require(outcome.record)
        try FileSystem.remove(folder.appending("run.json"))
        #expect(try paths(.artifact) == [])
        // Of a configuration that can't be read, nobody knows what it wants.
        try FileSystem.writeAtomically(
            #"{"name": "toy/chain", "stages": {}"#, to: folder.appending("experiment.json"))
        let report = try collector().look()
        #expect(report.note?.contains("its configuration can't be read") == true)
        try FileSystem.remove(run.location.folder)
        #expect(try paths(.artifact) == [])
    }

    @Test func aRecordThatCannotBeReadKeepsEverything() throws {
        _ = try abandoned()
        try FileSystem.writeAtomically("{", to: run.location.folder.appending("run.json"))
        #expect(try collector().look().note?.contains("its record can't be read") == true)
        #expect(try paths(.artifact) == [])
    }

    @Test func whatIsLockedOrWantedAgainStays() throws {
        let outcome = try abandoned()
        let fingerprint = outcome.stages[0].artifact.record.fingerprint
        let lock = try #require(try ArtifactLock.attempt(store, fingerprint))
        #expect(try paths(.artifact).count == 5)
        lock.release()
        let report = try collector().look()
        // Between looking and removing, somebody uses them again.
        let again = try Runner(try parse(chain, set: ["seed=9"]), store: store).run()
        #expect(again.stages.allSatisfy { $0.wasCached })
        let done = try collector().remove(report)
        #expect(done.removed?.contains { $0.kind == .artifact } == false)
        for stage in again.stages { #expect(FileSystem.exists(stage.artifact.folder)) }
        #expect(done.text.contains("the others were taken up meanwhile"), "\(done.text)")
    }

    @Test func journalsThatNothingGoesOnFromGo() throws {
        #expect(throws: StageFailure.self) {
            try Runner(
                try parse(chain, set: ["seed=4", "stages.single.failAfter=3"]), store: store,
                options: .init(jobs: 1)
            )
            .run()
        }
        // The newest run wants it still.
        #expect(try paths(.work) == [])
        let lock = try #require(try FileSystem.list(store.root.appending(".work")).first)
        _ = try Runner(try parse(chain, set: ["seed=5"]), store: store).run()
        #expect(try paths(.work) == [".work/\(lock)"])
        let held = try #require(try ArtifactLock.attempt(store, lock))
        #expect(try paths(.work) == [])
        held.release()
        _ = try collector().remove(try collector().look())
        #expect(try FileSystem.list(store.root.appending(".work")) == [])
        #expect(try FileSystem.list(store.root.appending(".locks")) == ["gate.lock"])
    }

    @Test func leftoversOfEveryKindAreFound() throws {
        let dead = String(repeating: "d", count: 64)
        try FileSystem.createDirectory(store.temporaryFolder.appending("\(dead).1f"))
        try FileSystem.createDirectory(store.temporaryFolder.appending("import.2e"))
        try FileSystem.createDirectory(store.damagedFolder.appending("x-0123.20261121T000000Z"))
        try FileSystem.writeAtomically("toy/nothing\n", to: store.root.appending(".index").appending(dead))
        #expect(try paths(.temporary) == [".tmp/\(dead).1f", ".tmp/import.2e"])
        #expect(try paths(.damaged) == [".damaged/x-0123.20261121T000000Z"])
        #expect(try paths(.index) == [".index/\(dead)"])
        #expect(try paths(.lock).count == 6)
        _ = try collector().remove(try collector().look())
        #expect(try collector().look().items.isEmpty)
    }

    @Test func strangersAreListedAndLeft() throws {
        let outside = run.folder.path.appending("outside")
        try FileSystem.createDirectory(outside)
        try FileSystem.writeAtomically("precious", to: outside.appending("file"))
        try FileSystem.writeAtomically("mine", to: store.root.appending("notes.txt"))
        try FileSystem.createDirectory(store.root.pushing("photos/2026"))
        try FileSystem.writeAtomically("mine", to: store.root.pushing("photos/2026/a.jpg"))
        try link(outside, at: store.root.pushing("toy/link"))
        try link(outside, at: store.root.appending(".tmp").appending("evil"))
        try link(outside, at: store.damagedFolder)
        try FileSystem.createDirectory(store.root.pushing("toy/chain/broken-012345678901"))
        try FileSystem.writeAtomically(
            "{", to: store.root.pushing("toy/chain/broken-012345678901/artifact.json"))
        try FileSystem.createDirectory(store.root.pushing("toy/chain/runs/mine"))
        let report = try collector().look()
        let expected = [
            ".damaged", ".tmp/evil", "notes.txt", "photos", "toy/chain/broken-012345678901",
            "toy/chain/runs/mine",
            "toy/link",
        ]
        #expect(report.foreign.map(\.path.string).sorted() == expected)
        _ = try collector().remove(report)
        for path in expected {
            #expect(try FileSystem.status(store.root.pushing(FilePath(path)), followingLinks: false) != nil)
        }
        #expect(try FileSystem.readText(outside.appending("file")) == "precious")
    }

    @Test func whatIsNewOrFromTheFutureStaysWithOlderThan() throws {
        let outcome = try abandoned()
        #expect(try paths(.artifact, olderThan: 1) == [])
        let now = Timestamp.now().secondsSince1970
        for (index, stage) in outcome.stages.enumerated() {
            try touch(stage.artifact.folder, secondsSince1970: now + (index < 2 ? -2 : 2) * 86_400)
        }
        #expect(try paths(.artifact, olderThan: 1).count == 2)
        // Without it, a clock that went back keeps nothing but what is from its future.
        #expect(try paths(.artifact).count == 2)
    }

    @Test func anEmptyOrMissingStoreIsFine() throws {
        let empty = Store(run.folder.path.appending("none"))
        #expect(try GarbageCollector(empty, registry: toys).look().items.isEmpty)
        #expect(!FileSystem.exists(empty.root))
    }
}
