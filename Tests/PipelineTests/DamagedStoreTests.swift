import Files
import JSON
import SystemPackage
import TestSupport
import Testing

@testable import ArtifactStore
@testable import Audit
@testable import Recipes
@testable import Runs

/// Stores that hold what doesn't belong there, or that another version, another clock or a person with links has changed.
@Suite struct DamagedStoreTests {
    let folder: TemporaryFolder
    let store: Store
    let experiment: Experiment

    init() throws {
        folder = try TemporaryFolder()
        store = Store(folder.path.appending("store"))
        experiment = try parse(chain)
    }

    private func run(_ log: Log = Log(), _ options: Runner.Options = .init(), in store: Store? = nil) throws
        -> [StageOutcome]
    {
        try Runner(experiment, store: store ?? self.store, options: options, reporter: log.reporter).run()
            .stages
    }

    private func place(_ stage: String) throws -> FilePath {
        store.folder(of: try #require(experiment.stages.first { $0.id == stage }), in: experiment)
    }

    private func place(_ link: FilePath, to target: String) throws {
        try FileSystem.createDirectory(link.removingLastComponent())
        try PipelineTests.link(FilePath(target), at: link)
    }

    @Test func everyBeginningOfARecordIsDamageAndNothingElse() throws {
        _ = try run()
        let marker = try place("single").appending("artifact.json")
        let bytes = try FileSystem.read(marker)
        let stage = try #require(experiment.stages.first { $0.id == "single" })
        // The last byte is the end of the line, without which the text is whole.
        for length in 0..<bytes.count - 1 {
            try StoreFuzzTests.overwrite(marker, Array(bytes[..<length]))
            guard case .damaged = try store.find(stage, in: experiment) else {
                Issue.record("\(length) bytes were taken for a record")
                return
            }
        }
    }

    @Test func foldersOfOthersAreLeftAlone() throws {
        let strangers = [
            "notes/readme.txt", "toy/papers/a.pdf", "toy/chain/plots/p.svg", "toy/chain/runs/notes-1/x",
            "toy/chain/numbers-backup/data/numbers.txt", "lost+found/#12", ".git/config", ".work/notes.txt",
            ".locks/x.swp", ".index/junk", "toy/chain/single-000000000000/artifact.json",
        ]
        for name in strangers {
            let path = store.root.pushing(FilePath(name))
            try FileSystem.createDirectory(path.removingLastComponent())
            try FileSystem.writeAtomically("theirs", to: path)
        }
        let log = Log()
        #expect(try run(log).allSatisfy { !$0.wasCached } && !log.text.contains("warning"), "\(log.text)")
        #expect(try run().allSatisfy { $0.wasCached })
        #expect(try Plan(experiment, store: store).entries.allSatisfy { $0.status == .cached })
        for name in strangers {
            #expect(try FileSystem.readText(store.root.pushing(FilePath(name))) == "theirs")
        }
        #expect(store.experimentsWithRuns() == ["toy/chain"])
    }

    @Test func aForeignFolderInAnArtifactsPlaceIsMovedNotDeleted() throws {
        try FileSystem.createDirectory(try place("single"))
        try FileSystem.writeAtomically("theirs", to: try place("single").appending("thesis.txt"))
        let log = Log()
        _ = try run(log)
        #expect(log.text.contains("it has no artifact.json); moved to"), "\(log.text)")
        let moved = try #require(try FileSystem.list(store.damagedFolder).first)
        #expect(
            try FileSystem.readText(store.damagedFolder.appending(moved).appending("thesis.txt")) == "theirs")
    }

    @Test(arguments: ["../../secret", "/etc/hostname", "data/../../x", ""])
    func aRecordThatNamesFilesElsewhereIsDamage(path: String) throws {
        _ = try run()
        let marker = try place("single").appending("artifact.json")
        let text = try FileSystem.readText(marker)
        try FileSystem.writeAtomically(
            text.replacing(#""path": "samples.jsonl""#, with: "\"path\": \"\(path)\""), to: marker)
        let log = Log()
        #expect(try run(log).count { !$0.wasCached } == 1)
        #expect(log.text.contains("lists \(path), which isn't inside of it"), "\(log.text)")
        // What would be printed at the end may be no file of the machine either.
        let table = try place("table").appending("artifact.json")
        let other = try FileSystem.readText(table)
        try FileSystem.writeAtomically(
            other.replacing(#""report": "table.txt""#, with: "\"report\": \"../\(path)\""), to: table)
        #expect(try run().count { !$0.wasCached } == 1)
    }

    @Test func sizesThatCannotBeAreDamage() throws {
        _ = try run()
        let marker = try place("single").appending("artifact.json")
        let text = try FileSystem.readText(marker)
        for size in ["-1", "9223372036854775807"] {
            try FileSystem.writeAtomically(
                text.replacing(
                    "\"files\": [",
                    with: "\"files\": [{\"path\": \"x\", \"size\": \(size), \"sha256\": \"\"},"),
                to: marker)
            #expect(try run().count { !$0.wasCached } == 1)
        }
    }

    @Test func aStoreOfANewerVersionIsLeftAsItIs() throws {
        _ = try run()
        let marker = try place("single").appending("artifact.json")
        let newer = try FileSystem.readText(marker).replacing("\"format\": 1", with: "\"format\": 9")
        try FileSystem.writeAtomically(newer, to: marker)
        for action in [{ _ = try run() }, { _ = try Plan(experiment, store: store) }] as [() throws -> Void] {
            let error = #expect(throws: StoreError.self) { try action() }
            #expect(error?.description.contains("has format 9") == true)
            #expect(
                error?.description.contains("Use the newer version that wrote it, or another store") == true)
        }
        #expect(try FileSystem.readText(marker) == newer)
        // An experiment that would only have borrowed it makes its own.
        let other = try parse(chain.replacing("toy/chain", with: "toy/other"))
        let outcome = try Runner(other, store: store).run().stages
        #expect(outcome.filter { !$0.wasCached }.map(\.stage) == ["single"])
        // So does the work of a newer version.
        let again = try parse(chain, set: ["stages.single.decoder.delay=4"])
        let stage = try #require(again.stages.first { $0.id == "single" })
        let journal = store.workFolder(stage.fingerprint).appending("samples.jsonl")
        try FileSystem.createDirectory(journal.removingLastComponent())
        let text = #"{"journal":7,"fingerprint":"\#(stage.fingerprint)"}"# + "\n"
        try FileSystem.writeAtomically(text, to: journal)
        let failure = #expect(throws: StageFailure.self) {
            try Runner(again, store: store, options: .init(only: ["single"])).run()
        }
        #expect(
            failure?.description.contains("has the journal format 7") == true,
            "\(String(describing: failure))")
        #expect(try FileSystem.readText(journal) == text)
    }

    @Test func aRunOfANewerVersionDoesNotStopTheNextOne() throws {
        let first = try #require(try Runner(experiment, store: store).run().record).appending("run.json")
        let text = try FileSystem.readText(first)
        try FileSystem.writeAtomically(text.replacing("\"format\": 2", with: "\"format\": 3"), to: first)
        #expect(try run().allSatisfy { $0.wasCached })
        let error = #expect(throws: RunRecordError.self) { try RunRecord.read(first.removingLastComponent()) }
        #expect(error?.description.contains("Use the newer version that wrote it") == true)
    }

    @Test func theNewestRunIsTheLastAlsoWhenTheClockWasPutBack() throws {
        let clocks = [4_070_908_800, 1_700_000_000, 1_700_000_000, 4_070_908_800, 1_700_000_001]
        let runs = try clocks.map { seconds -> FilePath in
            let run = try RunFolder(experiment, in: store, started: Timestamp(secondsSince1970: seconds))
            try FileSystem.writeAtomically("{}", to: run.path.appending("run.json"))
            #expect(store.runs(of: "toy/chain").last == run.path)
            return run.path
        }
        #expect(store.runs(of: "toy/chain") == runs)
        // Artifacts from the future are as good as others.
        _ = try run()
        for stage in experiment.stages {
            let marker = store.folder(of: stage, in: experiment).appending("artifact.json")
            let text = try FileSystem.readText(marker)
            try FileSystem.writeAtomically(
                text.replacing("\"finished\": \"20", with: "\"finished\": \"21"), to: marker)
        }
        #expect(try run().allSatisfy { $0.wasCached })
        #expect(store.runs(of: "toy/chain").count == clocks.count + 1)
    }

    /// Whoever prepared the store may have put the link there: nothing is written where it leads.
    @Test func anExperimentsFolderThatIsALinkIsRefused() throws {
        let outside = folder.path.appending("outside")
        try FileSystem.createDirectory(outside)
        try place(store.root.appending("toy"), to: outside.string)
        #expect {
            _ = try run()
        } throws: {
            "\($0)".contains("a symbolic link stands there")
        }
        #expect(try FileSystem.list(outside) == [])
    }

    @Test("a file of a run is written into the run's folder, and through no link of the store")
    func filesOfARunAreWrittenThroughNoLink() throws {
        let (root, other) = (store.root, folder.path.appending("other"))
        let kept = folder.path.appending("kept")
        let record = try #require(try Runner(experiment, store: store).run().record)
        let run = try RunLocation.find(record.string, in: store)
        #expect(try FileSystem.readText(run.write("x".utf8, to: "page.html")) == "x")
        #expect(FileSystem.exists(run.folder.appending("page.html")))
        // Each folder on the way in turn is a link to another store's.
        var place = run.folder
        let isBelow = place.removePrefix(root)
        #expect(isBelow && !place.isEmpty)
        while !place.isEmpty {
            try FileSystem.createDirectory(other.pushing(place))
            try FileSystem.rename(root.pushing(place), to: kept)
            try link(other.pushing(place), at: root.pushing(place))
            #expect(throws: FileError.self) { try run.write("y".utf8, to: "page.html") }
            #expect(try FileSystem.list(other.pushing(place)).isEmpty)
            try FileSystem.remove(root.pushing(place))
            try FileSystem.rename(kept, to: root.pushing(place))
            try FileSystem.remove(other)
            place.removeLastComponent()
        }
        #expect(try FileSystem.readText(run.write("z".utf8, to: "page.html")) == "z")
    }

    @Test func artifactsBehindLinksAreReadAndNotDeleted() throws {
        _ = try run()
        // An artifact that was moved to another place and linked from its own.
        let moved = folder.path.appending("moved")
        try FileSystem.rename(try place("single"), to: moved)
        try place(try place("single"), to: moved.string)
        #expect(try run().allSatisfy { $0.wasCached })
        let files = try FileSystem.list(moved)
        #expect(try run(Log(), .init(force: ["single"])).count { !$0.wasCached } == 1)
        #expect(try FileSystem.list(moved) == files)
        #expect(try FileSystem.status(place("single"), followingLinks: false)?.kind == .folder)
        #expect(try FileSystem.list(store.temporaryFolder) == [])
    }

    @Test(arguments: ["/nowhere/at/all", "SELF", "/etc"])
    func aLinkToNoArtifactIsSetAside(target: String) throws {
        _ = try run(Log(), .init(only: ["numbers"]))
        let single = try place("single")
        try place(single, to: target == "SELF" ? single.string : target)
        let log = Log()
        #expect(try run(log).count { !$0.wasCached } == 5)
        #expect(log.text.contains("it is a link that leads to no artifact); moved to"), "\(log.text)")
        #expect(try FileSystem.status(single, followingLinks: false)?.kind == .folder)
        #expect(try run().allSatisfy { $0.wasCached })
    }

    @Test(arguments: [
        "with spaces and\ttabs", "größe-模型-🧪", "two\nlines", "-dash", "a'quote\"$(x)",
        String(repeating: "long", count: 60),
    ])
    func aStoreOnAPathOfAnyCharactersWorks(name: String) throws {
        let other = Store(folder.path.appending(name))
        #expect(try run(in: other).allSatisfy { !$0.wasCached } && run(in: other).allSatisfy { $0.wasCached })
        let location = try RunLocation.find("toy/chain", in: other)
        #expect(location.address.hasPrefix("toy/chain/runs/2"))
        let verification = try Verifier(location, registry: toys, options: .init(samples: 2, seed: 1))
            .verify()
        #expect(verification.holds, "\(verification.text)")
        // Another experiment finds its artifacts by the index.
        let borrower = try parse(chain.replacing("toy/chain", with: "toy/other"))
        #expect(try Runner(borrower, store: other).run().stages.allSatisfy { $0.wasCached })
        for file in ["run.json", "log.txt"] {
            let text = try FileSystem.readText(location.folder.appending(file))
            #expect(!text.contains(name) && !text.contains(folder.path.string), "\(text)")
        }
        // What stops a run names paths: of those, records keep none either.
        #expect(throws: StageFailure.self) {
            try Runner(
                try parse(chain, set: ["stages.single.failAfter=2", "seed=8"]), store: other,
                options: .init(arguments: ["d3llm", "--store", other.root.string])
            ).run()
        }
        let failed = try FileSystem.readText(RunAddress.find("toy/chain", in: other).appending("run.json"))
        #expect(failed.contains("kept in store/.work/") && !failed.contains(folder.path.string), "\(failed)")
    }
}
