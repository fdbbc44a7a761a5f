import ArtifactStore
import Files
import JSON
import Recipes
import Runs
import SystemPackage
import Testing

/// Says that claims are open until it has seen enough numbers.
struct ToyJudge: StageKind {
    static let name = "judge"
    static let version = 1
    static let summary = "Judges."
    static let output = ArtifactType("summary")

    let tables: [ArtifactReference]
    let enough: Int
    let looks: [Int]?
    let isSilent: Bool

    init(_ fields: Fields) {
        tables = fields.artifactList("tables", types: [.numbers], "What is judged.")
        enough = fields.integer("enough", "How many it needs.")
        isSilent = fields.flag("silent", default: false, "Says nothing.")
        let given = fields.integers("looks", default: [], "When it is looked.")
        looks = given.isEmpty ? nil : given
    }

    func run(_ context: StageContext) throws -> StageResult {
        try FileSystem.writeAtomically(
            "\(tables.count) of \(enough)\n", to: context.output.appending("table.txt"))
        let isOpen = tables.count < enough
        let sequential: JSONValue = [
            "decision": .string(isOpen ? "go on" : "decided"), "open": isOpen ? ["b is more"] : [],
        ]
        return StageResult(
            summary: "judged",
            metrics: isSilent
                ? [:] : ["sequential": sequential, "claims": ["a is more": "holds", "b is more": "open"]],
            report: "table.txt")
    }
}

/// Repeats that go on until something is decided.
@Suite struct LookTests {
    private let folder: TemporaryFolder
    private let store: Store

    init() throws {
        folder = try TemporaryFolder()
        store = Store(folder.path.appending("store"))
    }

    private func experiment(
        enough: Int, until: String = #"{"decided": "@all", "looks": [2, 3, 5]}"#, judge: String = "",
        set: [String] = []
    ) throws -> Experiment {
        let text = """
            {"name": "toy/looks", "replicate": [{"seed": [1, 2, 3, 4, 5]}, {"stages.n.count": [1, 2]}],
             "until": \(until), "stages": {"n": {"kind": "source", "count": 1}, "m": {"kind": "source", "count": 2}},
             "summary": {"all": {"kind": "judge", "tables": "@n", "enough": \(enough)\(judge)},
                         "next": {"kind": "judge", "tables": ["@m", "@n-1-1"], "enough": 1}}}
            """
        let toys = StageRegistry(toys.kinds + [ToyJudge.self])
        return try Experiment.parse(Array(text.utf8), name: "toy.json", overrides: set, registry: toys)
    }

    private func run(
        _ experiment: Experiment, options: Runner.Options = .init(), log: Log = Log(),
        cancellation: Cancellation = .never
    ) throws -> RunOutcome {
        try Runner(
            experiment, store: store, options: options, reporter: log.reporter, cancellation: cancellation
        ).run()
    }

    @Test("each look has a summary of its own over the repeats up to it")
    func stages() throws {
        let experiment = try experiment(enough: 6)
        let until = try #require(experiment.until)
        #expect(until.looks.map(\.repeats) == [2, 3, 5] && until.looks.map(\.number) == [1, 2, 3])
        #expect(until.looks.map(\.decision) == ["all-after-2", "all-after-3", "all-after-5"])
        let tables = try #require(experiment["all-after-2"]).inputs.flatMap(\.references).map(\.stage)
        #expect(tables == ["n-1-1", "n-1-2", "n-2-1", "n-2-2"])
        #expect(experiment["all-after-2"]?.recipe.config["looks"] == [2, 3, 5])
        #expect(experiment["next-after-2"]?.recipe.config["looks"] == [])
        #expect(until.looks[0].stages.contains("m-2-2") && !until.looks[0].stages.contains("m-3-1"))
        #expect(until.looks[2].stages == Set(experiment.stages.map(\.id)))
    }

    @Test("a run ends at the look at which nothing is open, and so does the next one, from the store")
    func endsWhereItIsDecided() throws {
        let experiment = try experiment(enough: 6)
        let log = Log()
        let outcome = try run(experiment, log: log)
        #expect(
            log.text.contains(
                "Look 1 of 3, after 2 of at most 5 repeats: 1 of 2 claims are decided, open: b is more. Going on to 3 repeats."
            ), "\(log.text)")
        #expect(log.text.contains("Look 2 of 3, after 3 of at most 5 repeats: every claim is decided."))
        // The table of the first look isn't printed again.
        let texts = outcome.reports.map(\.text)
        #expect(texts.contains("6 of 6\n") && !texts.contains("4 of 6\n"), "\(texts)")
        #expect(!outcome.stages.contains { $0.stage == "n-4-1" || $0.stage == "all-after-5" })
        let record = try RunRecord.read(try #require(outcome.record))
        #expect(record.look == .init(number: 2, count: 3, repeats: 3, maximum: 5, open: []))
        #expect(record.stages.contains { $0.stage == "all-after-2" } && record.status == .finished)
        let names = try FileSystem.list(store.root.pushing("toy/looks"))
        #expect(!names.contains { $0.hasPrefix("n-4") || $0.hasPrefix("all-after-5") })

        let second = Log()
        let again = try run(experiment, log: second)
        #expect(again.stages.allSatisfy { $0.wasCached } && again.record == outcome.record)
        #expect(again.reports == outcome.reports)
        #expect(second.text.contains("Look 2 of 3") && second.text.contains("every claim is decided"))
        #expect(try Runner(experiment, store: store).currentLook()?.number == 2)
    }

    @Test("the first look can be enough, and the last one ends what stays open")
    func firstAndLast() throws {
        let log = Log()
        let few = try run(try experiment(enough: 4), log: log)
        #expect(!few.stages.contains { $0.stage == "n-3-1" } && log.text.contains("Look 1 of 3"))
        let all = try run(try experiment(enough: 100), log: log)
        #expect(all.stages.contains { $0.stage == "all-after-5" })
        #expect(log.text.contains("The repeats are spent; open: b is more."), "\(log.text)")
        #expect(try RunRecord.read(try #require(all.record)).look?.open == ["b is more"])
    }

    @Test("a budget ends them at the look that has spent it")
    func budget() throws {
        let experiment = try experiment(
            enough: 100, until: #"{"decided": "@all", "looks": [2, 5], "cpuMinutes": 1e-12}"#)
        let log = Log()
        let outcome = try run(experiment, log: log)
        #expect(!outcome.stages.contains { $0.stage == "n-3-1" })
        #expect(log.text.contains("CPU minutes is spent"), "\(log.text)")
    }

    @Test("stopped in the middle of a look, it goes on there and ends where it would have")
    func resumes() throws {
        let experiment = try experiment(enough: 6)
        // Stops in the second look, once it has begun to fill.
        let stopping = Cancellation { [store] in
            ((try? FileSystem.list(store.root.pushing("toy/looks"))) ?? []).contains { $0.hasPrefix("n-3-1") }
        }
        #expect(throws: RunInterrupted.self) {
            _ = try run(experiment, options: .init(jobs: 1), cancellation: stopping)
        }
        #expect(try Runner(experiment, store: store).currentLook()?.number == 2)
        let outcome = try run(experiment)
        #expect(outcome.stages.contains { $0.stage == "n-3-1" && $0.wasCached })
        #expect(try RunRecord.read(try #require(outcome.record)).look?.number == 2)
    }

    @Test("stages that are made again are made once, at whichever look they come")
    func forced() throws {
        let experiment = try experiment(enough: 6)
        try _ = run(experiment)
        let log = Log()
        let outcome = try run(experiment, options: .init(force: ["n-1-1", "n-3-1"]), log: log)
        #expect(outcome.stages.filter { !$0.wasCached }.map(\.stage) == ["n-3-1"])
        #expect(log.text.contains("1 made"))
        #expect(throws: UnknownStageError.self) {
            _ = try run(experiment, options: .init(force: ["n-9-1"]))
        }
        let only = try run(experiment, options: .init(only: ["n-5-2"]))
        #expect(only.stages.map(\.stage) == ["n-5-2"])
    }

    @Test func aPlanTellsTheFirstLookAndTheMost() throws {
        let plan = try Plan(try experiment(enough: 6), store: store)
        #expect(
            plan.text.contains(
                "These are all of at most 5 repeats. The first look is after 2 (10 stages, 10 to make); while a claim is open, the next ones are after 3, 5."
            ), "\(plan.text)")
        #expect(plan.value["looks"]?.array?.map { $0["repeats"]?.int } == [2, 3, 5])
    }

    @Test func aStageThatDoesNotSayIsNamed() throws {
        let experiment = try experiment(enough: 6, judge: #", "silent": true"#)
        let error = #expect(throws: (any Error).self) { _ = try run(experiment) }
        #expect("\(try #require(error))".contains("\"all-after-2\" doesn't say which claims are open"))
    }

    @Test(
        "what can't be is refused",
        arguments: [
            (
                #"{"decided": "@all", "looks": [2, 4]}"#,
                "The last look is after 4 repeats, but \"replicate\" has 5"
            ),
            (#"{"decided": "@all", "looks": [3, 2, 5]}"#, "Each look comes after more repeats"),
            (#"{"decided": "@al", "looks": [5]}"#, "Did you mean \"@all\"?"),
            (#"{"decided": "@n", "looks": [5]}"#, "is no stage of \"summary\""),
            (#"{"decided": "@all", "looks": []}"#, "a list of at least 1"),
            (#"{"decided": "@all", "looks": [1000000000]}"#, "from 1 to 20000"),
            (#"{"decided": "@all", "loks": [5], "looks": [5]}"#, "Did you mean \"looks\"?"),
            (#"{"decided": "@all", "looks": [5], "cpuMinutes": 0}"#, "above 0"),
            ("3", "should be an object"),
        ])
    func refusals(until: String, message: String) throws {
        let error = #expect(throws: ConfigurationError.self) { try experiment(enough: 1, until: until) }
        #expect(try #require(error).description.contains(message), "\(error?.description ?? "")")
    }

    @Test func repeatsAreNeeded() throws {
        let text =
            #"{"name": "x", "until": {"decided": "@s", "looks": [1]}, "stages": {"n": {"kind": "source", "count": 1}}}"#
        let error = #expect(throws: ConfigurationError.self) { try parse(text) }
        #expect(try #require(error).description.contains("how far \"replicate\" goes, which isn't there"))
    }
}
