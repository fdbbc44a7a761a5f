import JSON
import Reporting
import Testing

@testable import Published

/// Published tables as papers lay them out.
@Suite struct PaperLayoutTests {
    private let table = PublishedTable(
        name: "t", title: "T", work: "w", role: .table, source: "s", sourceTable: "Table 1",
        experiment: "paper/t", metrics: ["accuracy", "TPF", "AUP", "latency_s"], attributes: [:],
        columns: [
            .init(key: "c", label: "C", attributes: ["benchmark": "GSM8K"]),
            .init(key: "d", label: "D", attributes: ["benchmark": "GSM8K"]),
        ],
        rows: [
            .init(
                key: "ar", label: "AR", group: "Autoregressive", attributes: [:],
                cells: ["c": ["accuracy": 90, "TPF": 1, "AUP": 90]]),
            .init(
                key: "slow", label: "Slow", group: "Diffusion", attributes: [:],
                cells: ["c": ["accuracy": 80.25, "TPF": 1, "AUP": 80.25], "d": ["latency_s": 9]]),
            .init(
                key: "fast-tpf1", label: "Fast, one token", group: "Diffusion", attributes: [:],
                cells: ["c": ["accuracy": 79, "TPF": 1]]),
            .init(
                key: "fast", label: "Fast", group: "Diffusion", attributes: [:],
                cells: ["c": ["accuracy": 78, "TPF": 5.5, "AUP": 310.1234], "d": ["latency_s": "2"]]),
            .init(
                key: "faster", label: "Faster", group: "Diffusion", attributes: [:],
                cells: ["d": ["latency_s": 3.5]]),
        ])

    private func rendered(_ run: Reproduction? = nil) throws -> Table {
        PaperLayout(table, run, tolerances: try Repository.tables().tolerances).rendered
    }

    @Test func methodsAreRowsAndBenchmarksGroupsOfColumns() throws {
        let layout = try rendered()
        #expect(layout.columns.map(\.heading) == ["Method", "Acc. (%)", "TPF", "AUP", "Latency (s)"])
        #expect(layout.columns.map(\.group) == [nil, "C", "C", "C", "D"])
        // Where a curve begins is no method.
        #expect(layout.rows.map { $0[0] } == ["AR", "Slow", "Fast", "Faster"].map { .text($0) })
        #expect(layout.rowGroups.map(\.title) == ["Autoregressive", "Diffusion"])
        #expect(layout.rowGroups.map(\.start) == [0, 1])
        #expect(layout.label == "t")
    }

    @Test func numbersOfAColumnHaveTheDigitsOfTheSourceAndWordsStay() throws {
        let rows = try rendered().rows
        #expect(rows[0][1] == .number(90, digits: 2) && rows[1][1] == .number(80.25, digits: 2))
        #expect(rows[0][2] == .number(1, digits: 1) && rows[2][2] == .number(5.5, digits: 1))
        #expect(rows[2][3] == .number(310.1234, digits: 1))
        #expect(rows[2][4] == .text("2") && rows[0][4] == .text("—"))
    }

    @Test func theBestOfAGroupStandsOut() throws {
        // Of the autoregressive models there is one only; less is better for the latency.
        #expect(try rendered().emphasis == [[], [1], [2, 3], [4]])
        #expect(try rendered().notes.last?.contains("among the methods of a group") == true)
    }

    @Test func aRunShowsWhatItMeasuredOfTheSameThing() throws {
        let point = Reproduction.Point(tpf: 5.25, accuracy: 75, correct: 989, count: 1319, meanNFE: 50)
        let run = Reproduction(experiment: "paper/t", address: "paper/t/runs/1", points: ["fast-c": point])
        let rows = try rendered(run).rows
        guard case .interval(75, let lower, let upper, 2) = rows[2][1] else {
            Issue.record("\(rows[2][1])")
            return
        }
        #expect(lower < 75 && upper > 75 && rows[2][2] == .number(5.25, digits: 2))
        guard case .missing(let reason) = rows[1][1] else {
            Issue.record("\(rows[1][1])")
            return
        }
        #expect(reason.contains("the experiment has no stage for it"))
        #expect(try rendered(run).notes[0].contains("paper/t/runs/1"))
    }

    @Test func aRunOfAnotherExperimentFillsNoCell() throws {
        let point = Reproduction.Point(tpf: 5.25, accuracy: 75, correct: 989, count: 1319, meanNFE: 50)
        let run = Reproduction(experiment: "mini/t", address: "a", points: ["fast-c": point])
        for row in try rendered(run).rows {
            for cell in row.dropFirst() {
                switch cell {
                case .text("—"), .missing: break
                default: Issue.record("\(cell)")
                }
            }
        }
    }

    @Test func everyPublishedTableHasALayoutWithAllItsNumbers() throws {
        let all = try Repository.tables()
        for table in all.tables {
            let layout = PaperLayout(table, tolerances: all.tolerances).rendered
            let shown = layout.rows.joined().count { if case .number = $0 { true } else { false } }
            var expected = 0
            for row in table.rows where !PublishedCurve.isStart(row) {
                for cell in row.cells.values {
                    expected += table.metrics.count { cell[$0]?.double != nil }
                }
            }
            #expect(shown == expected, "\(table.name)")
            // One source has a Chinese name.
            let hasUnknown = LaTeXTableRenderer().render(layout).contains("U+")
            #expect(hasUnknown == (table.name == "rerun-d3llm"), "\(table.name)")
        }
    }
}
