import ArtifactStore
import Files
import JSON
import Recipes
import Reporting
import SystemPackage
import TestSupport
import Testing

@testable import History

@Suite struct RunHistoryTests {
    private func listed(_ columns: RunHistory.Columns = .init(), where filters: String...) throws -> [String]
    {
        let sketch = try SketchStore.small()
        var history = try RunHistory(sketch.store, numbers: .all)
        for filter in try filters.map({ try RunFilter($0) }) { history.keep(filter.matches) }
        return try history.sorted(columns).map { String($0.name.dropFirst(9)) }
    }

    @Test func runsAreToldWithWhatChangedAndWhatTheyMeasured() throws {
        let sketch = try SketchStore.small()
        let history = try RunHistory(sketch.store, experiments: ["mini/toy"])
        #expect(history.runs.map(\.state) == [.finished, .failed, .finished, .unfinished])
        #expect(
            history.runs.map { RunHistory.changeText($0) } == [
                "(the first)", "stages.student.steps: 60 → 120",
                "stages.d3llm.matrix.decoder.threshold: [0.2,0.5] → [0.2]", "?",
            ])
        #expect(
            history.runs.map(\.started) == [
                "2026-11-30T10:00:00Z", "2026-11-30T10:00:00Z", "2026-11-30T10:00:00Z",
                "2026-11-30T12:00:00Z",
            ])
        #expect(
            history.numberNames == [
                "table.target", "table.vanilla.aup", "table.d3LLM.aup", "table.d3LLM.tpf",
            ])
        let text = TextTableRenderer().render(try history.table(.init()))
        #expect(text.contains("20261130T110000Z-1: the disk is full\n"))
        #expect(text.contains("unfinished: it is running, or was killed"))
        #expect(text.contains("Compare: d3llm runs 20261130T100000Z-1 20261130T110000Z-2."))
    }

    @Test func anyColumnAndAnyNumberSorts() throws {
        var columns = RunHistory.Columns()
        columns.sort = "took"
        #expect(try listed(columns) == ["110000Z-1", "110000Z-2", "100000Z-1", "120000Z-1"])
        columns.sort = "table.d3LLM.aup"
        #expect(try listed(columns).prefix(2) == ["110000Z-2", "100000Z-1"])
        columns.isReversed = true
        #expect(try listed(columns).prefix(2) == ["100000Z-1", "110000Z-2"])
        for (sort, hint) in [
            ("tooks", "Did you mean \"took\"?"), ("table.d3LLM.aub", "Did you mean \"table.d3LLM.aup\"?"),
        ] {
            columns.sort = sort
            let error = #expect(throws: HistoryError.self) { try listed(columns) }
            #expect(error?.description.contains(hint) == true)
        }
        columns.sort = nil
        columns.numbers = ["d3LLM.aup"]
        let error = #expect(throws: HistoryError.self) { try listed(columns) }
        #expect(
            error?.description == "No run has the number \"d3LLM.aup\". Did you mean \"table.d3LLM.aup\"?")
    }

    @Test func runsAreFoundBySetting() throws {
        #expect(try listed(where: "stages.student.steps=120.0") == ["110000Z-1", "110000Z-2"])
        #expect(try listed(where: "stages.d3llm.decoder.threshold=0.5") == ["100000Z-1", "110000Z-1"])
        #expect(
            try listed(where: "stages.d3llm.decoder.threshold=0.5", "stages.student.steps=60")
                == ["100000Z-1"])
        #expect(try listed(where: "stages.student.mask=trajectory").count == 3)
        #expect(try listed(where: "stages.student.steps=7") == [])
        let sketch = try SketchStore.small()
        let history = try RunHistory(sketch.store)
        for (slip, meant) in [
            ("student.steps=1", "stages.student.steps"),
            ("stages.d3llm.threshold=0.5", "stages.d3llm.decoder.threshold"),
            ("stages.student.stpes=1", "stages.student.steps"),
        ] {
            let error = #expect(throws: HistoryError.self) { try RunFilter(slip).check(history.runs) }
            #expect(error?.description.contains("Did you mean \"\(meant)\"?") == true, "\(slip)")
        }
        let error = #expect(throws: HistoryError.self) { try RunFilter("steps") }
        #expect(error?.description.contains("a path, an equals sign and a value") == true)
    }

    @Test func theValuesOfReplicateCountToo() throws {
        let sketch = try SketchStore()
        try sketch.add(
            "20261130T100000Z-1", of: "seeds", #""replicate": {"seed": [1, 2]}, "stages": {}"#, nil)
        try sketch.add(
            "20261130T100000Z-1", of: "steps",
            #""replicate": [{"seed": [3]}, {"stages.a.steps": [10, 20]}], "stages": {}"#, nil)
        let runs = try RunHistory(sketch.store).runs
        #expect(runs.filter(try RunFilter("seed=2").matches).map(\.experiment) == ["seeds"])
        #expect(runs.filter(try RunFilter("stages.a.steps=20").matches).map(\.experiment) == ["steps"])
    }

    @Test func runsAreComparedInSettingsAndNumbersThatDiffer() throws {
        let sketch = try SketchStore.small()
        let runs = try ["20261130T100000Z-1", "20261130T110000Z-2"].map {
            try RunLocation.find($0, in: sketch.store)
        }
        let comparison = RunComparison(runs, all: false)
        #expect(
            comparison.settings.map(\.path) == [
                "stages.student.steps", "stages.d3llm.matrix.decoder.threshold",
            ])
        #expect(comparison.settings[0].values == [.integer(60), .integer(120)])
        #expect(
            comparison.numbers.map(\.entry.name) == [
                "vanilla.tpf", "vanilla.accuracy", "table.d3LLM.aup", "table.claims.d3LLM is faster",
            ])
        #expect(
            comparison.numbers[1].values == [
                .number(37.5, lower: 26.7, upper: 49.7), .number(28.125, lower: 18.6, upper: 40.1),
            ])
        #expect(comparison.sameCount == 5 && comparison.hiddenCount == 0)
        let text = comparison.tables.map { TextTableRenderer().render($0) }.joined()
        #expect(text.contains("37.5 [26.7, 49.7]") && text.contains("28.1 [18.6, 40.1]"))
        #expect(text.contains("table.d3LLM.aup") && text.contains("does not hold"))
        #expect(!text.contains("nfe"))
    }

    @Test func aRunIsCalledByItsFolderOrCountedFromTheNewest() throws {
        let sketch = try SketchStore.small()
        func found(_ text: String) throws -> String? {
            try RunAddress.find(text, in: sketch.store).lastComponent?.string
        }
        #expect(try found("mini/toy") == "20261130T110000Z-2")
        #expect(try found("mini/toy~0") == "20261130T110000Z-2")
        #expect(try found("mini/toy~2") == "20261130T100000Z-1")
        #expect(try found("20261130T110000Z-1") == "20261130T110000Z-1")
        #expect(throws: UnknownRunError.self) { try found("mini/toy~3") }
        #expect(throws: UnknownRunError.self) { try found("mini/toy~-1") }
        #expect(throws: RunRecordError.self) { try found("20261130T120000Z-1") }
        try sketch.add("20261130T100000Z-1", of: "other", #""stages": {}"#, nil)
        let error = #expect(throws: UnknownRunError.self) { try found("20261130T100000Z-1") }
        #expect(error?.description.contains("could be 2 runs: mini/toy/runs/20261130T100000Z-1") == true)
    }

    @Test func damagedRecordsAreToldAndAStoreThatIsNotThereIsNamed() throws {
        let sketch = try SketchStore.small()
        let record = sketch.store.root.pushing("mini/toy/runs/20261130T110000Z-2/run.json")
        try FileSystem.writeAtomically("{", to: record)
        let history = try RunHistory(sketch.store)
        #expect(history.runs[2].state == .damaged)
        #expect(history.runs[2].message?.hasPrefix("The record of a run is no JSON.") == true)
        let nowhere = Store("nowhere")
        let error = #expect(throws: UnknownRunError.self) { try RunHistory(nowhere) }
        #expect(error?.description.contains("/nowhere: there is no such folder") == true)
    }

    @Test func theJSONHasEachRunWithItsNumbers() throws {
        let sketch = try SketchStore.small()
        let value = try RunHistory(sketch.store).value(.init())
        let runs = try #require(value["runs"]?.array)
        #expect(runs[0]["run"] == "mini/toy/runs/20261130T100000Z-1")
        #expect(runs[0]["changes"] == .null && runs[0]["made"] == 2)
        #expect(runs[1]["changes"]?.array?.first?["path"] == "stages.student.steps")
        #expect(runs[0]["numbers"]?["table.d3LLM.aup"]?.double == 82)
        #expect(runs[3]["state"] == "unfinished" && runs[3]["seconds"] == .null)
    }
}
