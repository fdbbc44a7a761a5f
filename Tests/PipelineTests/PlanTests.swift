import ArtifactStore
import Files
import Recipes
import Runs
import SystemPackage
import TestSupport
import Testing

@Suite struct PlanTests {
    let folder: TemporaryFolder
    let store: Store

    init() throws {
        folder = try TemporaryFolder()
        store = Store(folder.path.appending("store"))
    }

    func plan(_ set: [String] = []) throws -> Plan { try Plan(try parse(chain, set: set), store: store) }

    @Test func nothingIsThereAtFirst() throws {
        let plan = try plan()
        #expect(plan.entries.allSatisfy { $0.status == .run && $0.reason == "no artifact" })
        #expect(!FileSystem.exists(store.root))
        #expect(
            plan.text.hasSuffix(
                "table                  will run     no artifact\n\n0 of 6 stages are cached.\n"))
    }

    @Test func stagesAreDrawnAsAGraph() throws {
        let experiment = try parse(chain)
        let cached = Set(
            experiment.stages.filter { $0.name == "numbers" || $0.id == "curve[threshold=0.5]" }.map(\.id))
        let graph = StageGraph(experiment, cached: cached)
        #expect(
            graph.text(in: .mermaid) == """
                flowchart LR
                  s0["numbers<br/>source"]:::cached
                  s1["curve × 3<br/>curve"]
                  s2["single<br/>curve"]
                  s3["table<br/>table"]
                  s0 --> s1
                  s0 --> s2
                  s1 --> s3
                  s2 --> s3
                  classDef cached stroke-dasharray: 4 3

                """)
        #expect(
            graph.text(in: .dot) == #"""
                digraph experiment {
                  rankdir=LR;
                  node [shape=box];
                  s0 [label="numbers\nsource", style=dashed];
                  s1 [label="curve × 3\ncurve"];
                  s2 [label="single\ncurve"];
                  s3 [label="table\ntable"];
                  s0 -> s1;
                  s0 -> s2;
                  s1 -> s3;
                  s2 -> s3;
                }

                """#)
    }

    @Test func reasonsNameTheFieldThatChanged() throws {
        let experiment = try parse(chain)
        _ = try Runner(experiment, store: store).run()
        #expect(try plan().entries.allSatisfy { $0.status == .cached })
        let changed = try plan(["stages.single.decoder.threshold=0.75", "stages.single.decoder.delay=4"])
        let single = try #require(changed.entries.first { $0.stage == "single" })
        let stage = try #require(experiment["single"])
        let folder = try #require(store.folder(of: stage, in: experiment).lastComponent)
        #expect(
            single.reason == "decoder.threshold: 0.5 → 0.75, decoder.delay: (none) → 4 (against \(folder))")
        let table = try #require(changed.entries.first { $0.stage == "table" })
        #expect(table.changes.map(\.difference.field) == ["curves.alone"])
        #expect(
            table.reason.hasPrefix(
                "input curves.alone changed: decoder.threshold of @single: 0.5 → 0.75, decoder.delay of @single: (none) → 4 (against table-"
            ))
        #expect(changed.entries.count { $0.status == .cached } == 4)
        #expect(try plan(["seed=9"]).entries[0].reason.hasPrefix("seed: 3 → 9 (against numbers-"))
    }

    @Test func theRootOfAChangeIsNamedHoweverManyStagesLieBetween() throws {
        _ = try Runner(try parse(chain), store: store).run()
        let entries = try plan(["stages.numbers.count=6"]).entries
        #expect(entries[0].reason.hasPrefix("count: 5 → 6 (against"))
        #expect(
            entries.first { $0.stage == "curve[threshold=0.5]" }?.reason.hasPrefix(
                "input data changed: count of @numbers: 5 → 6 (against curve-threshold=0.5-") == true)
        #expect(
            entries.last?.reason.hasPrefix(
                "inputs curves.swept, curves.alone changed: count of @numbers: 5 → 6 (against") == true)
    }

    @Test func oneMorePointIsOneDifferenceAndAnotherOrderIsNamed() throws {
        _ = try Runner(try parse(chain), store: store).run()
        let more = try plan(["stages.curve.matrix.decoder.threshold=[0.25, 0.4, 0.5, 1]"]).entries
        #expect(more.last?.reason.hasPrefix("input curves.swept added (against table-") == true)
        #expect(
            more.first { $0.stage == "curve[threshold=0.4]" }?.reason.hasPrefix(
                "no artifact; the nearest of its kind, toy/chain/curve-threshold=") == true)
        let fewer = try plan(["stages.curve.matrix.decoder.threshold=[0.25, 1]"]).entries
        #expect(fewer.last?.reason.hasPrefix("input curves.swept removed (against") == true)
        let turned = try plan(["stages.curve.matrix.decoder.threshold=[1, 0.5, 0.25]"]).entries
        #expect(turned.last?.reason.hasPrefix("order of curves.swept: ") == true)
        let renamed = try Plan(parse(chain.replacing("\"alone\"", with: "\"lone\"")), store: store)
        #expect(
            renamed.entries.last?.reason.hasPrefix("labels of curves: swept, alone → swept, lone") == true)
        let part = try Plan(parse(chain.replacing("@numbers.test", with: "@numbers.train")), store: store)
        let single = try #require(part.entries.first { $0.stage == "single" })
        #expect(single.reason.hasPrefix("input data is another part of @numbers (against single-"))
    }

    @Test func anotherStageOfTheKindIsComparedWithWhereThereIsNoEarlierOne() throws {
        _ = try Runner(try parse(chain), store: store).run()
        let text = stages(
            #""digits": {"kind": "source", "count": 5}, "c": {"kind": "curve", "data": "@digits"}"#)
        let plan = try Plan(
            try parse(text.replacing("\"toy\"", with: "\"other\", \"seed\": 4")), store: store)
        #expect(plan.entries[0].reason.hasPrefix("no artifact; the nearest of its kind, toy/chain/numbers-"))
        #expect(plan.entries[0].reason.hasSuffix(", differs in seed: 3 → 4"))
        #expect(plan.entries[0].nearest?.isSameStage == false)
        #expect(plan.entries[1].changes.contains { $0.difference.field == "data" && $0.cause != nil })
    }

    @Test func reasonsInFullAreAsRecorded() throws {
        _ = try Runner(try parse(chain), store: store).run()
        // The curves are made whichever moment the failure comes at.
        let failing = try parse(chain, set: ["stages.numbers.count=6", "stages.single.failAfter=3"])
        #expect(throws: RunFailure.self) {
            try Runner(failing, store: store, options: .init(keepsGoing: true)).run()
        }
        func why(_ stage: String, _ set: [String], _ name: String) throws {
            let text = try plan(set).reasons(for: stage).replacing(store.root.string, with: "STORE")
                .split(separator: "\n", omittingEmptySubsequences: false)
                .filter { !$0.hasPrefix("  (that took") }.joined(separator: "\n")
            #expect(try text == Snapshots.recorded("pipeline/why-\(name).txt", now: text))
        }
        let set = ["stages.numbers.count=6"]
        try why("table", set + ["stages.single.decoder.threshold=0.75"], "table")
        try why("curve", set + ["stages.curve.groupSize=2"], "matrix")
        try why("single", set, "resume")
        try why("numbers", [], "cached")
        let error = #expect(throws: UnknownStageError.self) { try plan().reasons(for: "tabel") }
        #expect(error?.description.hasSuffix("Did you mean \"table\"?") == true)
    }

    @Test func whatIsGoneFromTheStoreIsSaidToBe() throws {
        let outcome = try Runner(try parse(chain), store: store).run()
        try FileSystem.remove(outcome.stages[0].artifact.folder)
        let entries = try plan(["stages.numbers.count=6"]).entries
        #expect(
            entries.first { $0.stage == "single" }?.reason.hasPrefix(
                "input data changed: @numbers is another, and the earlier one isn't in the store any more")
                == true)
    }

    @Test func unfinishedStagesWillResume() throws {
        _ = try? Runner(try parse(chain, set: ["stages.single.failAfter=4"]), store: store).run()
        let entries = try plan().entries
        let single = try #require(entries.first { $0.stage == "single" })
        #expect(single.status == .resume)
        #expect(single.reason.hasPrefix("4 records are there; no artifact; the nearest of its kind"))
    }

    @Test func damageIsNamed() throws {
        let experiment = try parse(chain)
        let outcome = try Runner(experiment, store: store).run()
        try FileSystem.remove(outcome.stages[0].artifact.folder.appending("artifact.json"))
        #expect(try plan().entries[0].reason.hasSuffix("is no whole artifact: it has no artifact.json"))
    }

    @Test func kindsShowTheKeysThatTheParserKnows() {
        #expect(toys.table.hasPrefix("source  Writes numbers.\ncurve   Squares numbers.\n"))
        #expect(
            StageRegistry.table(of: ToyCurve.self) == """
                curve (version 2): Squares numbers.
                Makes a curve.

                  data               @dataset, required
                                     What is squared.

                  decoder            object, optional
                                     How.

                  decoder.threshold  number above 0 and at most 1, default 0.5
                                     The bound.

                  decoder.delay      integer of at least 0, optional
                                     Steps to wait.

                  decoder.window     list of integer from 1 to 9, default [1,2]
                                     Widths.

                  groupSize          integer from 1 to 100, default 1
                                     Samples at a time.

                  failAfter          integer of at least 0, optional, not part of the recipe
                                     Fails there.

                  killAfter          integer of at least 0, optional, not part of the recipe
                                     Is killed there.

                  seed               integer of at least 0, default: the experiment's
                                     What random numbers are drawn from.

                  matrix             object of lists, optional
                                     By dotted path, the values to run the stage with, all combinations.

                """)
        #expect(
            StageRegistry.table(of: ToyForms.self).contains("items[].weight  number of at least 0, default 1")
        )
    }
}
