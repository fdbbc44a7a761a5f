import Files
import Pipeline
import SystemPackage
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
        #expect(table.differences.map(\.field) == ["curves"])
        #expect(changed.entries.count { $0.status == .cached } == 4)
        #expect(try plan(["seed=9"]).entries[0].reason.hasPrefix("seed: 3 → 9 (against numbers-"))
    }

    @Test func unfinishedStagesWillResume() throws {
        _ = try? Runner(try parse(chain, set: ["stages.single.failAfter=4"]), store: store).run()
        let entries = try plan().entries
        let single = try #require(entries.first { $0.stage == "single" })
        #expect(single.status == .resume)
        #expect(single.reason == "4 records are there; no artifact")
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
