import ArtifactStore
import Files
import JSON
import Recipes
import Runs
import SystemPackage
import Testing

/// Stages of one run that run at the same time.
@Suite struct ExecutionTests {
    let folder: TemporaryFolder
    let store: Store
    /// Keeps the meetings of tests apart.
    let group = "g\(UInt64.random(in: 0 ... .max))"

    init() throws {
        folder = try TemporaryFolder()
        store = Store(folder.path.appending("store"))
    }

    private func meeting(_ name: String, _ keys: String = "\"size\": 1") -> String {
        #""\#(name)": {"kind": "meeting", "group": "\#(group)", \#(keys)}"#
    }

    private func run(
        _ meetings: [String], _ options: Runner.Options = .init(threads: 4), set: [String] = [],
        log: Log = Log(), cancellation: Cancellation = .never
    ) throws -> RunOutcome {
        let text = stages(meetings.joined(separator: ",\n"))
        let experiment = try Experiment.parse(
            Array(text.utf8), name: "toy.json", overrides: set, registry: StageRegistry([ToyMeeting.self]))
        return try Runner(
            experiment, store: store, options: options, reporter: log.reporter, cancellation: cancellation
        ).run()
    }

    private func newestRecord() throws -> RunRecord {
        try RunRecord.read(try RunAddress.find("toy", in: store))
    }

    @Test func independentStagesRunAtOnceWithTheirShareOfThreads() throws {
        let names = ["a", "b", "c"]
        let outcome = try run(
            names.enumerated().map { meeting($1, "\"size\": 3, \"seed\": \($0)") }, .init(threads: 7))
        #expect(outcome.stages.map(\.stage) == names)
        #expect(outcome.stages.compactMap(\.threads).sorted() == [2, 2, 3])
        let record = try newestRecord()
        #expect(
            record.stages.allSatisfy { $0.status == .made && $0.stagesAtOnce == 3 && $0.peakMemory ?? 0 > 0 })
        #expect(record.machine["threads"]?.int == 7)
        #expect(
            outcome.stages.map { $0.artifact.record.machine["threads"]?.int } == outcome.stages.map(\.threads)
        )
    }

    @Test func oneJobRunsOneStageAtATimeWithAllThreads() throws {
        let outcome = try Runner(
            try parse(chain), store: store, options: .init(threads: 3, jobs: 1)
        ).run()
        #expect(outcome.stages.allSatisfy { $0.threads == 3 && $0.artifact.record.stagesAtOnce == 1 })
    }

    @Test(arguments: [(1, 1), (2, 2), (4, 3), (8, 8)])
    func howManyRunAtOnceDoesNotChangeWhatTheyMake(threads: Int, jobs: Int) throws {
        let options = Runner.Options(threads: threads, jobs: jobs)
        let outcome = try Runner(try parse(chain), store: store, options: options).run()
        let other = Store(folder.path.appending("other"))
        let straight = try Runner(try parse(chain), store: other, options: .init(threads: 1, jobs: 1)).run()
        #expect(outcome.stages.map(\.stage) == straight.stages.map(\.stage))
        for (a, b) in zip(outcome.stages, straight.stages) {
            #expect(a.artifact.record.files == b.artifact.record.files, "\(a.stage)")
            #expect(a.artifact.record.metrics == b.artifact.record.metrics, "\(a.stage)")
        }
    }

    @Test func twoStagesOfOneRecipeAreMadeOnce() throws {
        let outcome = try run([meeting("a"), meeting("b")])
        #expect(outcome.stages.map(\.wasCached) == [false, true])
        #expect(outcome.stages[0].artifact.folder == outcome.stages[1].artifact.folder)
    }

    @Test func aFailureStopsTheOthersAtTheirSafePoints() throws {
        let meetings = [
            meeting("a", #""size": 2, "behaviour": "fails""#),
            meeting("b", #""size": 2, "behaviour": "lasts", "seed": 1"#),
            meeting("c", #""size": 0, "after": "@a""#), meeting("d", #""size": 0, "after": "@b""#),
        ]
        let log = Log()
        let failure = #expect(throws: StageFailure.self) { try run(meetings, log: log) }
        #expect(failure?.stage == "a")
        #expect(log.text.contains("\nb: stopped. 1 records are kept in "), "\(log.text)")
        let record = try newestRecord()
        #expect(record.status == .failed)
        #expect(record.stages.map(\.status) == [.failed, .skipped, .skipped, .skipped])
        #expect(record["c"]?.message == "it needs a, which failed" && record["d"]?.message == nil)
        #expect(record["b"]?.message?.hasPrefix("1 records are kept in store/.work/") == true)
        let again = try run(
            meetings, set: ["stages.a.behaviour=ends", "stages.b.behaviour=ends"])
        #expect(again.stages[1].artifact.record.isResumed)
    }

    @Test func withKeepGoingEverythingElseIsMade() throws {
        let meetings = [
            meeting("a", #""behaviour": "fails""#), meeting("b", #""seed": 1"#),
            meeting("c", #""after": "@a", "seed": 2"#), meeting("d", #""after": "@b", "seed": 3"#),
            meeting("e", #""behaviour": "fails", "after": "@d", "seed": 4"#),
            meeting("f", #""after": "@c", "and": "@d", "seed": 5"#),
        ]
        let failure = #expect(throws: RunFailure.self) {
            try run(meetings, .init(threads: 2, keepsGoing: true))
        }
        #expect(failure?.failures.map(\.stage) == ["a", "e"])
        #expect(failure?.skipped.map(\.stage) == ["c", "f"])
        let text = try #require(failure).description
        #expect(
            text.hasPrefix("2 stages failed, 2 skipped.\n\nStage \"a\" failed: The toy broke."), "\(text)")
        #expect(
            text.hasSuffix("Skipped:\n  c: it needs a, which failed\n  f: it needs a, which failed"),
            "\(text)")
        let record = try newestRecord()
        #expect(record.stages.map(\.status) == [.failed, .made, .skipped, .made, .failed, .skipped])
    }

    @Test func anInterruptedRunSaysWhatIsKeptOfEachStage() throws {
        let meetings = [
            meeting("a", #""size": 2, "behaviour": "lasts""#),
            meeting("b", #""size": 2, "behaviour": "lasts", "seed": 1"#),
        ]
        let log = Log()
        let cancellation = Cancellation { [store] in
            ((try? FileSystem.list(store.root.appending(".work"))) ?? []).count == 2
        }
        let error = #expect(throws: RunInterrupted.self) {
            try run(meetings, log: log, cancellation: cancellation)
        }
        #expect(error?.stops.map(\.stage).sorted() == ["a", "b"])
        #expect(error?.stops.allSatisfy { $0.kept.hasPrefix("1 records are kept in ") } == true)
        #expect(error?.description.hasPrefix("Interrupted at 2 stages.\n  ") == true)
        #expect(log.text.contains("Stopping: 2 stages come to a safe point first."), "\(log.text)")
        let record = try newestRecord()
        #expect(record.status == .interrupted && record.stages.allSatisfy { $0.status == .skipped })
        #expect(try FileSystem.list(store.root.appending(".tmp")) == [])
    }

    @Test func fromMakesAStageAndAllThatFollowAgain() throws {
        func made(_ options: Runner.Options) throws -> [String] {
            try Runner(try parse(chain), store: store, options: options).run().stages
                .filter { !$0.wasCached }.map(\.stage)
        }
        _ = try made(.init())
        #expect(try made(.init(from: ["single"])) == ["single", "table"])
        #expect(try made(.init(from: ["curve[threshold=1]"])) == ["curve[threshold=1]", "table"])
        #expect(try made(.init(from: ["numbers"])).count == 6)
        // Only what the run is about.
        #expect(try made(.init(only: ["single"], from: ["numbers"])) == ["numbers", "single"])
        #expect(try made(.init(force: ["numbers"], from: ["table"])) == ["numbers", "table"])
    }

    @Test func stagesThatCannotBeMadeAgainAreRefused() throws {
        func refusal(_ options: Runner.Options) -> String {
            let error = #expect(throws: UnknownStageError.self) {
                try Runner(try parse(chain), store: store, options: options).run()
            }
            return error?.description ?? ""
        }
        #expect(refusal(.init(from: ["singel"])).contains("Did you mean \"single\"?"))
        #expect(
            refusal(.init(from: ["curve[threshold=2]"])).contains("Did you mean \"curve[threshold=1]\"?"))
        #expect(
            refusal(.init(only: ["single"], from: ["curve"]))
                == "--from names the stage \"curve\", but --only single doesn't need it. Name it with --only also, or leave one of the two out."
        )
        #expect(refusal(.init(only: ["single"], force: ["table"])).hasPrefix("--force names"))
        #expect(!FileSystem.exists(store.root))
    }
}
