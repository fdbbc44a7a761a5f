import ArtifactStore
import Files
import JSON
import Runs
import Synchronization
import SystemPackage
import Testing

@Suite struct RunnerTests {
    let folder: TemporaryFolder
    let store: Store

    init() throws {
        folder = try TemporaryFolder()
        store = Store(folder.path.appending("store"))
    }

    @discardableResult
    func run(
        _ text: String = chain, set: [String] = [], options: Runner.Options = .init(), log: Log = Log(),
        cancellation: Cancellation = .never
    ) throws -> RunOutcome {
        try Runner(
            try parse(text, set: set), store: store, options: options, reporter: log.reporter,
            cancellation: cancellation
        ).run()
    }

    func runs() throws -> [String] { try FileSystem.list(store.root.pushing("toy/chain/runs")) }

    @Test func makesEveryStageOnce() throws {
        let first = try run()
        #expect(first.stages.count == 6 && first.stages.allSatisfy { !$0.wasCached })
        #expect(first.reports.map(\.text) == ["swept 0.25: 33.75, 0.5: 67.5, 1.0: 135.0\nalone 67.5\n"])
        let before = try FileSystem.list(store.root.pushing("toy/chain"))
        let log = Log()
        let second = try run(log: log)
        #expect(second.stages.allSatisfy { $0.wasCached })
        #expect(second.reports == first.reports)
        let record = try #require(first.record)
        #expect(second.record == record)
        #expect(log.text == "Everything is cached: all 6 stages. Record: \(record)\n")
        #expect(try FileSystem.list(store.root.pushing("toy/chain")) == before)
        #expect(try runs().count == 1)
        #expect(try FileSystem.list(store.root.appending(".tmp")) == [])
        #expect(try FileSystem.list(store.root.appending(".work")) == [])
    }

    @Test func artifactsRecordWhatTheyWereMadeFrom() throws {
        let outcome = try run(options: .init(threads: 3, jobs: 1, machineExtras: { ["blasCore": "Toy"] }))
        let curve = try #require(outcome.stages.first { $0.stage == "curve[threshold=0.5]" })
        let name = try #require(curve.artifact.folder.lastComponent?.string)
        let fingerprint = curve.artifact.record.fingerprint
        #expect(name == "curve-threshold=0.5-\(fingerprint.prefix(12))")
        let bytes = try FileSystem.read(curve.artifact.folder.appending("artifact.json"))
        let root = JSONValue(try JSONDocument(parsing: bytes, name: "artifact.json").root)
        let recipe = try #require(root["recipe"])
        #expect(SHA256.hex(of: try recipe.canonicalBytes()) == fingerprint)
        #expect(root["metrics"]?["sum"]?.double == 67.5)
        #expect(root["machine"]?["threads"]?.int == 3 && root["machine"]?["blasCore"]?.string == "Toy")
        #expect(
            root["machine"]?["memoryBytes"]?.int ?? 0 > 1 << 20 && root["machine"]?["cores"]?.int ?? 0 >= 1)
        #expect(root["code"]?["executableSHA256"]?.string?.count == 64)
        #expect(root["peakMemoryBytes"]?.int ?? 0 > 1 << 20)
        #expect(root["started"]?.string?.count == 20)
        #expect(root["inputs"]?["data"]?.array?.first?["reference"]?.string == "@numbers")
        let file = try #require(root["files"]?.array?.first)
        #expect(file["path"]?.string == "samples.jsonl")
        #expect(
            try SHA256.hex(ofFile: curve.artifact.folder.appending("samples.jsonl")) == file["sha256"]?.string
        )
        let folder = try #require(outcome.record)
        let run = try JSONDocument(
            parsing: FileSystem.read(folder.appending("run.json")), name: "run.json")
        #expect(run.root["status"]?.string == "finished" && run.root["stages"]?.array?.count == 6)
        #expect(run.root["stages"]?.array?[2]["artifact"]?.string == "toy/chain/\(name)")
    }

    @Test func theMachineIsAskedForOnlyBeforeWork() throws {
        struct NoLibrary: Error {}
        let broken = Runner.Options(machineExtras: { throw NoLibrary() })
        #expect(throws: NoLibrary.self) { try run(options: broken) }
        #expect(!FileSystem.exists(store.root))
        try run()
        #expect(try run(options: broken).stages.allSatisfy { $0.wasCached })
    }

    @Test func reportsKnowTheirFiles() throws {
        let outcome = try run()
        let report = try #require(outcome.reports.first)
        #expect(report.path == outcome.stages.last?.artifact.folder.appending("table.txt"))
        #expect(try FileSystem.readText(report.path) == report.text)
    }

    @Test func onlyWhatChangedIsMadeAgain() throws {
        try run()
        let outcome = try run(set: ["stages.single.groupSize=2"])
        #expect(outcome.stages.filter { !$0.wasCached }.map(\.stage) == ["single", "table"])
        #expect(try runs().count == 2)
    }

    @Test func onlyRunsAStageAndWhatItNeeds() throws {
        let outcome = try run(options: .init(only: ["curve"]))
        #expect(
            outcome.stages.map(\.stage) == [
                "numbers", "curve[threshold=0.25]", "curve[threshold=0.5]", "curve[threshold=1]",
            ])
        let one = try run(options: .init(only: ["curve[threshold=1]"]))
        #expect(one.stages.map(\.stage) == ["numbers", "curve[threshold=1]"])
        #expect(one.record != outcome.record)
        let error = #expect(throws: UnknownStageError.self) { try run(options: .init(only: ["curv"])) }
        #expect(error?.description.contains("Did you mean \"curve\"?") == true)
    }

    @Test func forceMakesAnArtifactAgainInItsPlace() throws {
        let first = try run()
        let marker = first.stages[0].artifact.folder.appending("stray")
        try FileSystem.writeAtomically("x", to: marker)
        let second = try run(options: .init(force: ["numbers"]))
        #expect(second.stages.filter { !$0.wasCached }.map(\.stage) == ["numbers"])
        #expect(!FileSystem.exists(marker))
        #expect(try FileSystem.list(store.root.appending(".tmp")) == [])
    }

    @Test func aFailedStageLeavesNoArtifactAndResumes() throws {
        let failing = ["stages.single.failAfter=3"]
        let failure = #expect(throws: StageFailure.self) { try run(set: failing) }
        #expect(failure?.stage == "single")
        #expect(failure?.description.contains("The toy broke.") == true)
        #expect(failure?.kept.hasPrefix("3 records are kept in") == true)
        #expect(try !FileSystem.list(store.root.pushing("toy/chain")).contains { $0.hasPrefix("single") })
        #expect(try FileSystem.list(store.root.appending(".tmp")) == [])
        let record = store.root.pushing("toy/chain/runs").appending(try #require(runs().first))
        let written = try JSONDocument(
            parsing: FileSystem.read(record.appending("run.json")), name: "run.json")
        #expect(written.root["status"]?.string == "failed")
        // Where a stage stops is no part of its recipe, so the next run finds the journal.
        let outcome = try self.run()
        let single = try #require(outcome.stages.first { $0.stage == "single" })
        #expect(!single.wasCached && single.artifact.record.isResumed)
        #expect(try Journal.read(single.artifact.folder.appending("samples.jsonl")).count == 5)
    }

    @Test func aResumedArtifactIsTheSameAsOneNeverStopped() throws {
        #expect(throws: StageFailure.self) { try run(set: ["stages.single.failAfter=2"]) }
        // A kill can also tear the last line.
        let work = store.root.appending(".work")
        let names = try FileSystem.list(work)
        let path = work.appending(try #require(names.first)).appending("samples.jsonl")
        try FileSystem.writeAtomically(try FileSystem.read(path) + Array(#"{"key":2,"val"#.utf8), to: path)
        let outcome = try run()
        let resumed = try #require(outcome.stages.first { $0.stage == "single" }).artifact
        let other = Store(folder.path.appending("other"))
        let straight = try Runner(try parse(chain), store: other).run().stages.first { $0.stage == "single" }
        #expect(resumed.record.files == straight?.artifact.record.files)
        #expect(resumed.record.metrics == straight?.artifact.record.metrics)
    }

    @Test func metricsThatAreNoNumbersFailTheStage() throws {
        let text = stages(
            #""n": {"kind": "source", "count": 1}, "f": {"kind": "forms", "title": "diverge", "rate": 0.5, "colour": "blue", "items": [], "others": "@n"}"#
        )
        let failure = #expect(throws: StageFailure.self) { try run(text) }
        #expect(failure?.description.contains("The value at loss is nan") == true)
        #expect(try run(text, set: ["stages.f.title=converge"]).stages.count == 2)
    }

    @Test func interruptionStopsAtASafePoint() throws {
        // Asked before each sample and now and then between: after some of those of the curves.
        let cancellation = Cancellation { [store] in Self.records(in: store) >= 3 }
        let error = #expect(throws: RunInterrupted.self) {
            try run(options: .init(jobs: 1), cancellation: cancellation)
        }
        #expect(error?.stage.hasPrefix("curve") == true)
        #expect(error?.kept.contains("records are kept") == true, "\(String(describing: error))")
        #expect(error?.kept.contains("run the same command again") == true)
        #expect(try run().stages.count { !$0.wasCached } == 5)
    }

    /// How many samples the journals of unfinished stages hold.
    private static func records(in store: Store) -> Int {
        let work = store.root.appending(".work")
        let journals = ((try? FileSystem.list(work)) ?? []).compactMap {
            try? FileSystem.readText(work.appending($0).appending("samples.jsonl"))
        }
        return journals.reduce(0) { $0 + max(0, $1.split(separator: "\n").count - 1) }
    }

    @Test func logOffATerminalHasOneLinePerEvent() throws {
        let log = Log()
        try run(options: .init(only: ["numbers"]), log: log)
        let lines = log.text.split(separator: "\n")
        #expect(lines.count == 3, "\(log.text)")
        #expect(lines[0] == "[1/1] numbers: started")
        #expect(lines[1].hasPrefix("[1/1] numbers: 0.") && lines[1].hasSuffix(" s, 5 numbers"))
        #expect(lines[2].hasPrefix("Done in 0.") && lines[2].contains("1 made, 0 cached. Record: "))
    }
}
