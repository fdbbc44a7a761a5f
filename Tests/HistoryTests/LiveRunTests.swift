import ArtifactStore
import Files
import JSON
import Recipes
import SystemPackage
import TestSupport
import Testing

@testable import History
@testable import Runs

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A run that goes on, seen from outside.
@Suite struct LiveRunTests {
    /// A kind with one key, for configurations that stand alone.
    struct Toy: StageDescription {
        static let name = "toy"
        static let version = 1
        static let summary = "A toy."
        static let output = ArtifactType("toy")

        init(_ fields: Fields) {
            _ = fields.integer("size", default: 1, "A number.")
            _ = fields.optionalArtifact("after", types: [Self.output], "What comes before.")
        }
    }

    let scratch: ScratchFolder
    let store: Store
    let experiment: Experiment
    let run: FilePath

    /// A store in which the run of three stages goes on: the first is done, the second trains.
    init() throws {
        scratch = try ScratchFolder()
        store = Store(scratch.path.appending("store"))
        run = store.root.pushing("mini/toy/runs/20261130T120000Z-1")
        try FileSystem.createDirectory(run)
        let config =
            #"{"name": "mini/toy", "stages": {"first": {"kind": "toy"}, "second": {"kind": "toy", "after": "@first"}, "third": {"kind": "toy", "after": "@second"}}}"#
        try FileSystem.writeAtomically(config, to: run.appending("experiment.json"))
        try FileSystem.writeAtomically("log", to: run.appending("log.txt"))
        experiment = try #require(LiveRun.experiment(of: run, registry: StageRegistry([Toy.self])))
        try make("first")
    }

    /// Puts the artifact of a stage into the store.
    private func make(_ name: String) throws {
        let stage = try #require(experiment[name])
        let folder = store.folder(of: stage, in: experiment)
        try FileSystem.createDirectory(folder)
        try FileSystem.writeAtomically(
            #"{"format": 1, "experiment": "mini/toy", "stage": "\#(name)", "type": "toy", "fingerprint": "\#(stage.fingerprint)", "recipe": {"kind": "toy"}, "files": [], "summary": "made \#(name)", "metrics": {}, "report": null, "started": "s", "finished": "f"}"#,
            to: folder.appending("artifact.json"))
        store.noteLocation(of: stage.fingerprint, folder)
    }

    private func begin(_ name: String, waiting: String? = nil) throws -> FilePath {
        let stage = try #require(experiment[name])
        RunProgress(
            time: "2026-11-30T12:00:10Z", seconds: 10, secondsLeft: 60, all: 3, done: 1,
            stages: [
                .init(
                    stage: name, fingerprint: stage.fingerprint, waiting: waiting, unit: "steps", done: 50,
                    total: 200, perSecond: 5, secondsLeft: 30, note: "loss 0.5", seconds: 10)
            ]
        ).write(to: run)
        let work = store.workFolder(stage.fingerprint)
        try FileSystem.createDirectory(work)
        return work
    }

    private func look() -> LiveRun {
        LiveRun(run, experiment: "mini/toy", in: store, configured: experiment)
    }

    @Test func stagesAreDoneRunningOrOpen() throws {
        #expect(look().stages.map(\.state) == [.done, .open, .open])
        _ = try begin("second")
        let now = look()
        #expect(now.stages.map(\.state) == [.done, .running, .open])
        #expect(now.stages.map(\.summary) == ["made first", nil, nil])
        #expect(now.stages[1].progress?.done == 50)
        _ = try begin("second", waiting: "waiting for process 7")
        #expect(look().stages[1].state == .waiting)
        try make("second")
        _ = try begin("third")
        // What was there at an earlier look needn't be looked for again.
        try FileSystem.remove(store.folder(of: #require(experiment["first"]), in: experiment))
        let later = LiveRun(run, experiment: "mini/toy", in: store, configured: experiment, previous: now)
        #expect(later.stages.map(\.state) == [.done, .done, .running])
    }

    @Test func lossesAndSamplesAreReadWhileTheyAreWritten() throws {
        let work = try begin("second")
        let live = work.appending("training-live.jsonl")
        func write(_ lines: [String], to path: FilePath) throws {
            // The last line is being written.
            try FileSystem.writeAtomically(lines.joined(separator: "\n"), to: path)
        }
        try write(
            [
                #"{"phase": "p", "step": 25, "loss": 0.52, "gradientNorm": 1.5, "learningRateFactor": 1}"#,
                "nothing", #"{"phase": "p", "step": 50, "loss": 0.149}"#, #"{"phase": "p", "ste"#,
            ], to: live)
        try write(
            [
                #"{"journal":1,"fingerprint":"00"}"#,
                #"{"key":"test-0","value":{"correct":true,"text":"four\u001b[31m"},"more":1}"#,
                #"{"key":7,"value":{"correct":false}}"#, #"{"key":"torn"#,
            ], to: work.appending("samples.jsonl"))
        let run = look()
        let stage = run.stages[1]
        #expect(
            run.training(of: stage) == [
                .init(phase: "p", step: 25, loss: 0.52, gradientNorm: 1.5, rateFactor: 1),
                .init(phase: "p", step: 50, loss: 0.149, gradientNorm: nil, rateFactor: nil),
            ])
        #expect(
            run.samples(of: stage, last: 9) == [
                .init(key: "test-0", isCorrect: true, text: "four\u{1B}[31m"),
                .init(key: "7", isCorrect: false, text: nil),
            ])
        #expect(run.samples(of: stage, last: 1).map(\.key) == ["7"])
        #expect(run.training(of: run.stages[2]).isEmpty && run.samples(of: run.stages[2], last: 1).isEmpty)
        let lines = WatchView(isUnicode: true, columns: 80, rows: 24).lines(run, isSilent: false)
        #expect(
            lines == [
                "mini/toy/runs/20261130T120000Z-1: 10 s, 1 of 3 stages done, about 1 min 00 s left in all",
                "",
                "second  50 of 200 steps (25%), 5.0 steps/s, 30 s left",
                "  p, step 50: loss 0.149",
                "  0.52 █▁ 0.149",
                #"  ✓ test-0: four\u{1B}[31m"#,
                "  ✗ 7",
                "",
                "done: first: made first",
                "open: third",
            ])
        #expect(WatchView(isUnicode: false, columns: 80, rows: 3).lines(run, isSilent: true).count == 3)
    }

    @Test func whatIsNoFileIsNoLogAndKeepsNobodyWaiting() throws {
        let work = try begin("second")
        let pipe = work.appending("training-live.jsonl")
        #expect(pipe.withPlatformString { mkfifo($0, 0o600) } == 0)
        try FileSystem.createDirectory(work.appending("samples.jsonl"))
        let run = look()
        #expect(run.training(of: run.stages[1]).isEmpty)
        #expect(run.samples(of: run.stages[1], last: 1).isEmpty)
    }

    @Test func theNewestRunThatHasNotEndedIsFound() throws {
        let found = try LiveRun.find(nil, in: store)
        #expect(found.folder == run && found.experiment == "mini/toy")
        #expect(try LiveRun.find("mini/toy", in: store).folder == run)
        #expect(try LiveRun.find("20261130T120000Z-1", in: store).folder == run)
        #expect(try LiveRun.find("mini/toy/runs/20261130T120000Z-1", in: store).folder == run)
        #expect(throws: UnknownRunError.self) { try LiveRun.find("mini/tox", in: store) }
        let newer = store.root.pushing("mini/other/runs/20261130T130000Z-1")
        try FileSystem.createDirectory(newer)
        try FileSystem.writeAtomically("{}", to: newer.appending("run.json"))
        // One that goes on comes before a newer one that has ended.
        #expect(try LiveRun.find(nil, in: store).folder == run)
        #expect(throws: UnknownRunError.self) {
            try LiveRun.find(nil, in: Store(scratch.path.appending("none")))
        }
    }

    @Test func aRunThatGoesOnIsShownAsFarAsItIs() throws {
        _ = try begin("second")
        let location = look().stopped
        #expect(location.record.status == .interrupted)
        #expect(location.record.message == "The run goes on, or was killed: 1 of 3 stages are done.")
        #expect(location.record.stages.map(\.status) == [.cached, .skipped, .skipped])
        #expect(location.record.started == "2026-11-30T12:00:00Z")
        let fingerprint = try #require(experiment["first"]).fingerprint
        #expect(location.record.stages[0].artifact == FilePath("mini/toy/first-\(fingerprint.prefix(12))"))
    }

    @Test func silenceOfTwoMinutesMeansKilled() throws {
        _ = try begin("second")
        let written = try FileSystem.facts(run.appending("progress.json")).modified
        let seconds = try #require(written.split(separator: ".").first.flatMap { Int($0) })
        #expect(!look().isSilent(now: seconds + 100) && look().isSilent(now: seconds + 200))
    }
}
