import Files
import JSON
import SystemPackage
import Testing

@testable import ArtifactStore
@testable import Recipes
@testable import Runs

@Suite struct RunRecordTests {
    let folder: TemporaryFolder
    let store: Store

    init() throws {
        folder = try TemporaryFolder()
        store = Store(folder.path.appending("store"))
    }

    private func run(_ text: String = chain, set: [String] = [], options: Runner.Options = .init()) throws
        -> RunOutcome
    {
        try Runner(try parse(text, set: set), store: store, options: options).run()
    }

    private func record(_ text: String = "toy/chain") throws -> RunRecord {
        try RunRecord.read(try RunAddress.find(text, in: store))
    }

    @Test func itIsReadAsItWasWritten() throws {
        let arguments = ["/opt/bin/d3llm", "run", "toy.json", "--store", store.root.string]
        let outcome = try run(set: ["stages.single.groupSize=2"], options: .init(arguments: arguments))
        let path = try #require(outcome.record)
        let record = try RunRecord.read(path)
        #expect(record.format == 2 && record.status == .finished && record.message == nil)
        #expect(record.arguments == ["d3llm", "run", "toy.json", "--store", "store"])
        #expect(record.config == .init(file: "toy.json", overrides: ["stages.single.groupSize=2"]))
        #expect(record.stages.map(\.stage) == outcome.stages.map(\.stage))
        for (entry, stage) in zip(record.stages, outcome.stages) {
            #expect(store.root.pushing(entry.artifact) == stage.artifact.folder)
            #expect(try store.artifact(of: entry)?.record.fingerprint == entry.fingerprint)
        }
        let bytes = try FileSystem.read(path.appending("run.json"))
        #expect(try record.value.prettyBytes() == bytes)
        #expect(!String(decoding: bytes, as: UTF8.self).contains(folder.path.string))
    }

    @Test func itsConfigurationGivesTheSameStages() throws {
        let experiment = try parse(chain, set: ["stages.curve.decoder.delay=7", "seed=9"])
        let outcome = try Runner(experiment, store: store).run()
        let path = try #require(outcome.record).appending("experiment.json")
        let again = try Experiment.load(path, registry: toys)
        #expect(again.stages.map(\.fingerprint) == experiment.stages.map(\.fingerprint))
        #expect(again.name == experiment.name)
    }

    @Test func theLogIsThereLineByLineWithTimes() throws {
        let outcome = try run(options: .init(only: ["numbers"]))
        let text = try FileSystem.readText(try #require(outcome.record).appending("log.txt"))
        let lines = text.split(separator: "\n").map { $0.split(separator: " ", maxSplits: 1) }
        #expect(lines.count == 3, "\(text)")
        #expect(lines.allSatisfy { $0[0].hasPrefix("20") && $0[0].hasSuffix("Z") })
        #expect(lines[0][1] == "[1/1] numbers: started" && lines[2][1].hasPrefix("Done in "), "\(text)")
    }

    @Test func aFailureIsInRecordAndLog() throws {
        #expect(throws: StageFailure.self) {
            try run(set: ["stages.single.failAfter=3"], options: .init(jobs: 1))
        }
        let record = try record()
        #expect(record.status == .failed && record.message?.contains("The toy broke.") == true)
        #expect(record.message?.contains("kept in store/.work/") == true, "\(record.message ?? "")")
        #expect(record["single"]?.status == .failed && record["table"]?.status == .skipped)
        #expect(record["table"]?.artifact.string.hasPrefix("toy/chain/table-") == true)
        let log = try FileSystem.readText(try RunAddress.find("toy/chain", in: store).appending("log.txt"))
        #expect(log.contains(" Stage \"single\" failed: The toy broke."), "\(log)")
    }

    @Test func aRunThatHadNothingToDoNamesTheRecordOfItsArtifacts() throws {
        let all = try run().record
        let one = try run(options: .init(only: ["single"])).record
        #expect(one != all && store.runs(of: "toy/chain").count == 2)
        #expect(try run().record == all)
        #expect(try run(options: .init(only: ["single"])).record == one)
        #expect(store.runs(of: "toy/chain").count == 2)
        #expect(try record().stages.allSatisfy { $0.status == .cached && $0.threads == nil })
    }

    @Test func aCompleteStoreThatCannotTakeARecordIsUsedAllTheSame() throws {
        _ = try run()
        let runs = store.root.pushing("toy/chain/runs")
        try FileSystem.remove(runs)
        try FileSystem.writeAtomically("in the way", to: runs)
        let log = Log()
        let outcome = try Runner(try parse(chain), store: store, reporter: log.reporter).run()
        #expect(outcome.record == nil && outcome.stages.count == 6)
        #expect(log.text.contains("warning: This run has no record: Could not "), "\(log.text)")
    }

    @Test func runsAreFoundByFolderFileAndExperiment() throws {
        let first = try #require(try run().record)
        let second = try #require(try run(set: ["seed=4"]).record)
        for text in [first.string, first.appending("run.json").string] {
            #expect(try RunAddress.find(text, in: store) == first)
        }
        #expect(try RunAddress.find("toy/chain", in: store) == second)
        let relative = "toy/chain/runs/\(first.lastComponent?.string ?? "")"
        #expect(try RunAddress.find(relative, in: store) == first)
        let unknown = #expect(throws: UnknownRunError.self) { try RunAddress.find("toy/chian", in: store) }
        #expect(unknown?.description.hasSuffix("Did you mean \"toy/chain\"?") == true)
        #expect(throws: UnknownRunError.self) { try RunAddress.find("", in: store) }
        let none = #expect(throws: UnknownRunError.self) {
            try RunAddress.find("x", in: Store(folder.path.appending("none")))
        }
        #expect(none?.description.contains("No experiment has run in the store") == true)
    }

    @Test func runsOfOneSecondAreOrderedByNumber() throws {
        let runs = store.root.pushing("e/runs")
        let names = [
            "20260101T000000Z-9", "20260101T000000Z-10", "20250101T000000Z-11", "x", "20270101T000000Z-1",
        ]
        for name in names { try FileSystem.createDirectory(runs.appending(name)) }
        for name in names.dropLast() {
            try FileSystem.writeAtomically("{}", to: runs.appending(name).appending("run.json"))
        }
        // The newest has not ended.
        #expect(
            store.runs(of: "e").map { $0.lastComponent?.string } == [
                "20250101T000000Z-11", "20260101T000000Z-9", "20260101T000000Z-10",
            ])
    }

    @Test func aRunThatHasNotEndedIsNotTakenForOne() throws {
        let path = store.root.pushing("e/runs/20270101T000000Z-1")
        try FileSystem.createDirectory(path)
        try FileSystem.writeAtomically("x", to: path.appending("log.txt"))
        let error = #expect(throws: RunRecordError.self) { try RunAddress.find(path.string, in: store) }
        #expect(error?.description.contains("still goes on or was killed") == true)
        #expect(throws: RunRecordError.self) { try RunRecord.read(path) }
    }

    @Test func recordsOfFormat1AreRead() throws {
        let old = #"""
            {"format": 1, "experiment": "toy/old", "status": "finished", "message": null, "stages": [
              {"stage": "numbers", "artifact": "numbers-0123", "fingerprint": "0123", "status": "made", "seconds": 2}],
             "started": "2026-01-01T00:00:00Z", "finished": "2026-01-01T00:00:02Z", "seconds": 2,
             "arguments": ["d3llm"], "code": {"version": "0.1.0"}, "machine": {"cores": 2}}
            """#
        let path = store.root.pushing("toy/old/runs/20260101T000000Z-1")
        try FileSystem.createDirectory(path)
        try FileSystem.writeAtomically(old, to: path.appending("run.json"))
        let record = try record("toy/old")
        #expect(record.format == 1 && record.config == nil && record.environment.isEmpty)
        #expect(record.stages[0].artifact == "toy/old/numbers-0123" && record.stages[0].status == .made)
        #expect(try store.artifact(of: record.stages[0]) == nil)
    }

    @Test(arguments: [
        ("{", "is no JSON"), ("{}", "it has no format"), (#"{"format": 3}"#, "Use the newer version"),
        (#"{"format": 2, "experiment": "e", "status": "running"}"#, "its status is none of"),
        (#"{"format": 2, "experiment": "e", "status": "failed"}"#, "lacks the key \"stages\""),
        (
            #"{"format": 2, "experiment": "e", "status": "failed", "stages": [{"stage": "s", "artifact": "../x", "fingerprint": "f", "status": "made"}]}"#,
            "isn't inside the store"
        ),
    ])
    func whatIsNoRecordIsRefused(text: String, reason: String) throws {
        try FileSystem.writeAtomically(text, to: folder.path.appending("run.json"))
        let error = #expect(throws: RunRecordError.self) { try RunRecord.read(folder.path) }
        #expect(error?.description.contains(reason) == true, "\(String(describing: error))")
    }

    @Test(arguments: [
        ("/work/me/configs/a.json", "configs/a.json"), ("--store=/data/st", "--store=store"),
        ("kept in /data/st/.work/f; run", "kept in store/.work/f; run"), ("/home/me/x", "~/x"),
        ("/home/other/secret/x.json:3:4: no", "…/x.json:3:4: no"), ("a/b and 1/2", "a/b and 1/2"),
        ("see https://example.org/x/y", "see https://example.org/x/y"), ("/data/sting/x", "…/x"),
        ("/work/me", "."), ("/usr/lib:/opt/lib", "…/lib:…/lib"), ("/", "/"), ("", ""),
    ])
    func pathsOfTheMachineAreShortened(text: String, expected: String) {
        let paths = MachinePaths(store: "/data/st", current: "/work/me", home: "/home/me")
        #expect(paths.hidden(in: text) == expected)
    }

    @Test func theEnvironmentIsRecordedByNameAndWithoutSecrets() {
        for name in ["OPENBLAS_CORETYPE", "OMP_NUM_THREADS", "D3LLM_BLAS_CORE", "HF_HUB_OFFLINE"] {
            #expect(RunEnvironment.isRecorded(name))
        }
        for name in ["HF_TOKEN", "D3LLM_API_KEY", "AWS_SECRET_ACCESS_KEY", "HOME", "PATH", "openblas"] {
            #expect(!RunEnvironment.isRecorded(name))
        }
    }
}
