import Files
import JSON
import Recipes
import SystemPackage
import TestSupport
import Testing

@testable import ArtifactStore
@testable import Audit
@testable import Runs

/// Stores that aren't as they should be: a clear error, or a recovery that loses nothing.
@Suite struct BadStoreTests {
    let folder: TemporaryFolder
    let small = stages(#""n": {"kind": "source", "count": 3}, "c": {"kind": "curve", "data": "@n"}"#)

    init() throws { folder = try TemporaryFolder() }

    private func run(_ store: Store, set: [String] = [], _ log: Log = Log()) throws -> RunOutcome {
        try Runner(try parse(small, set: set), store: store, options: .init(jobs: 1), reporter: log.reporter)
            .run()
    }

    /// Everything that can be done with a store at this path.
    private func exercise(_ root: FilePath) throws {
        let store = Store(root)
        let outcome = try run(store)
        #expect(outcome.stages.allSatisfy { !$0.wasCached })
        #expect(try run(store).stages.allSatisfy { $0.wasCached })
        let location = try RunLocation.find("toy", in: store)
        #expect(try Verifier(location, registry: toys).verify().holds)
        let bundle = folder.path.appending("bundle-\(UInt32.random(in: 0 ... .max)).tar.zst")
        _ = try Exporter(location).export(to: bundle)
        let other = Store(root.removingLastComponent().appending("\(root.lastComponent?.string ?? "") 2"))
        _ = try Importer(into: other).run(bundle)
        #expect(try Verifier(RunLocation.find("toy", in: other), registry: toys).verify().holds)
        #expect(try GarbageCollector(store, registry: toys).look().items.allSatisfy { $0.kind == .lock })
        // No place of the machine is in the bundle, however it is called.
        try FileSystem.createDirectory(folder.path.appending("open"))
        for file in try ScratchFolder.files(below: other.root)
        where file.hasSuffix(".json") || file.hasSuffix(".txt") {
            let text = try FileSystem.readText(other.root.pushing(FilePath(file)))
            #expect(!text.contains(folder.path.string), "\(file)")
        }
    }

    @Test(
        "a store may have any name",
        arguments: [
            "with spaces and 'quotes' \"double\"", "ünï¢ödé 中文 e\u{301}", "a\nline", "-rf",
            "%41 $HOME `x` ; *", "~",
            "tab\tescape\u{1B}[2J",
        ])
    func names(name: String) throws { try exercise(folder.path.appending(name)) }

    @Test func aStoreMayBeALinkWhoseTargetMoves() throws {
        let (real, moved) = (folder.path.appending("real"), folder.path.appending("moved"))
        let linked = folder.path.appending("linked")
        try FileSystem.createDirectory(real)
        try link(real, at: linked)
        try exercise(linked)
        try FileSystem.rename(real, to: moved)
        try FileSystem.remove(linked)
        try link(moved, at: linked)
        #expect(try run(Store(linked)).stages.allSatisfy { $0.wasCached })
        // A link that leads nowhere is told, not written through.
        try FileSystem.remove(moved)
        #expect(throws: FileError.self) { try run(Store(linked)) }
        #expect(!FileSystem.exists(moved))
    }

    @Test func linksInsideAStoreAreNotTakenForArtifacts() throws {
        let store = Store(folder.path.appending("store"))
        let outcome = try run(store)
        let artifact = outcome.stages[0].artifact.folder
        let outside = folder.path.appending("outside")
        try FileSystem.rename(artifact, to: outside)
        try link(outside, at: artifact)
        let location = try RunLocation.find("toy", in: store)
        let text = try Verifier(location, registry: toys).verify().text
        #expect(text.contains("is no folder"), "\(text)")
        #expect(throws: ExportError.self) {
            try Exporter(location).export(to: folder.path.appending("b.tar.zst"))
        }
        // A file that leads outside is no file of the artifact either.
        try FileSystem.remove(artifact)
        try FileSystem.rename(outside, to: artifact)
        let file = artifact.pushing("data/numbers.txt")
        try FileSystem.rename(file, to: outside)
        try link(outside, at: file)
        #expect(try Verifier(location, registry: toys).verify().text.contains("is no plain file"))
        let report = try GarbageCollector(store, registry: toys).look()
        _ = try GarbageCollector(store, registry: toys).remove(report)
        #expect(FileSystem.exists(outside))
    }

    @Test func whatIsForeignInAStoreStays() throws {
        let store = Store(folder.path.appending("store"))
        _ = try run(store)
        let places: [FilePath] = [
            "notes.txt", "toy/notes.txt", "toy/mine/photo.jpg", ".hidden/x", "toy/runs/notes.txt",
        ]
        for place in places {
            try FileSystem.createDirectory(store.root.pushing(place).removingLastComponent())
            try FileSystem.writeAtomically("mine", to: store.root.pushing(place))
        }
        #expect(try run(store).stages.allSatisfy { $0.wasCached })
        #expect(try !run(store, set: ["seed=2"]).stages[0].wasCached)
        _ = try GarbageCollector(store, registry: toys).remove(
            try GarbageCollector(store, registry: toys).look())
        #expect(store.experimentsWithRuns() == ["toy"])
        for place in places { #expect(try FileSystem.readText(store.root.pushing(place)) == "mine") }
    }

    @Test func aFileWhereTheStoreShouldBeIsTold() throws {
        let path = folder.path.appending("file")
        try FileSystem.writeAtomically("x", to: path)
        let error = #expect(throws: FileError.self) { try run(Store(path)) }
        #expect(
            error?.description.contains("A part of that path is a file") == true,
            "\(error?.description ?? "")")
        #expect(try FileSystem.readText(path) == "x")
    }

    @Test func aTruncatedRecordAtEveryLengthIsSetAsideAndNothingIsLost() throws {
        let store = Store(folder.path.appending("store"))
        let artifact = try run(store).stages[0].artifact.folder
        let marker = artifact.appending("artifact.json")
        let bytes = try FileSystem.read(marker)
        // The last byte is a line break, without which it is still whole.
        for length in Array(stride(from: 0, to: bytes.count - 1, by: 97)) {
            try FileSystem.writeAtomically(bytes[..<length], to: marker)
            let log = Log()
            #expect(try !run(store, log).stages[0].wasCached)
            #expect(log.text.contains("is no whole artifact"), "\(log.text)")
        }
        let again = try ArtifactRecord(parsing: FileSystem.read(marker))
        #expect(try again.files == ArtifactRecord(parsing: bytes).files)
    }

    @Test func aJournalOfAnotherRecipeIsToldAndKept() throws {
        let store = Store(folder.path.appending("store"))
        let stage = try #require(try parse(small)["c"])
        let journal = store.workFolder(stage.fingerprint).appending("samples.jsonl")
        try FileSystem.createDirectory(journal.removingLastComponent())
        let foreign = "{\"journal\":1,\"fingerprint\":\"another\"}\n{\"key\":0,\"value\":{\"square\":1}}\n"
        try FileSystem.writeAtomically(foreign, to: journal)
        let error = #expect(throws: StageFailure.self) { try run(store) }
        #expect(error?.description.contains("belongs to another recipe") == true)
        #expect(try FileSystem.readText(journal) == foreign)
        try FileSystem.remove(journal)
        #expect(try run(store).stages.count == 2)
    }

    @Test func aNewerFormatOfAnythingIsToldAndLeft() throws {
        let store = Store(folder.path.appending("store"))
        let outcome = try run(store)
        func raise(_ path: FilePath, _ old: String, _ new: String) throws -> String {
            let text = try FileSystem.readText(path)
            try #require(text.contains(old))
            try FileSystem.writeAtomically(text.replacing(old, with: new, maxReplacements: 1), to: path)
            return text
        }
        let runFile = try #require(outcome.record).appending("run.json")
        let original = try raise(runFile, "\"format\": 2", "\"format\": 3")
        let record = #expect(throws: RunRecordError.self) { try RunLocation.find("toy", in: store) }
        #expect(record?.description.contains("has format 3") == true)
        #expect(try GarbageCollector(store, registry: toys).look().note?.contains("can't be read") == true)
        try FileSystem.writeAtomically(original, to: runFile)
        let marker = outcome.stages[1].artifact.folder.appending("artifact.json")
        _ = try raise(marker, "\"format\": 1", "\"format\": 9")
        #expect(throws: StoreError.self) { try run(store) }
        // What this version can't read, it doesn't collect.
        let report = try GarbageCollector(store, registry: toys).look()
        #expect(report.foreign.count == 1 && !report.items.contains { $0.kind == .artifact })
    }

    @Test("a clock that went back changes neither what is made nor which run is the newest by its name")
    func clocks() throws {
        let store = Store(folder.path.appending("store"))
        let outcome = try run(store)
        // The same second again and again: the number behind the time tells the runs apart.
        let runs = try #require(outcome.record).removingLastComponent()
        let name = try #require(try FileSystem.list(runs).first)
        for n in [9, 10] {
            try FileSystem.createDirectory(runs.appending("\(name.dropLast(1))\(n)"))
            for file in try FileSystem.list(runs.appending(name)) {
                try FileSystem.writeAtomically(
                    try FileSystem.read(runs.appending(name).appending(file)),
                    to: runs.appending("\(name.dropLast(1))\(n)").appending(file))
            }
        }
        #expect(store.runs(of: "toy").last?.lastComponent?.string == "\(name.dropLast(1))10")
        // Artifacts of the future are artifacts.
        let future = Timestamp.now().secondsSince1970 + 1_000_000
        for stage in outcome.stages {
            try touch(stage.artifact.folder, secondsSince1970: future)
            try touch(stage.artifact.folder.appending("artifact.json"), secondsSince1970: future)
        }
        #expect(try run(store).stages.allSatisfy { $0.wasCached })
        #expect(try Verifier(RunLocation.find("toy", in: store), registry: toys).verify().holds)
    }
}
