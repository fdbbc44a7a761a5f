import JSON
import Reporting
import Testing

@testable import Published

@Suite struct ComparisonTests {
    /// A table of one method with a curve of two points, and one more method.
    private let table = PublishedTable(
        name: "t", title: "T", work: "w", role: .table, source: "s", sourceTable: "s", experiment: "paper/t",
        metrics: ["accuracy", "TPF", "AUP", "TPS"], attributes: [:],
        columns: [.init(key: "c", label: "C", attributes: ["benchmark": "GSM8K", "fewshot": 5])],
        rows: [
            .init(
                key: "slow", label: "Slow", attributes: [:],
                cells: ["c": ["accuracy": 80.0, "TPF": 1, "AUP": 80]]),
            .init(
                key: "fast-tpf1", label: "Fast, one token", attributes: [:],
                cells: ["c": ["accuracy": 75.0, "TPF": 1]]),
            .init(
                key: "fast", label: "Fast", attributes: [:],
                cells: ["c": ["accuracy": 73.0, "TPF": 5, "AUP": 310, "TPS": 100]]),
        ])

    private func point(_ correct: Int, tpf: Double, of count: Int = 1319) -> Reproduction.Point {
        .init(
            tpf: tpf, accuracy: 100 * Double(correct) / Double(count), correct: correct, count: count,
            meanNFE: 50)
    }

    private func comparison(
        experiment: String = "paper/t", overrides: [String] = [], _ points: [String: Reproduction.Point]
    ) throws -> TableComparison {
        TableComparison(
            table,
            Reproduction(experiment: experiment, address: "a", overrides: overrides, points: points),
            tolerances: try Repository.tables().tolerances)
    }

    private func entry(_ comparison: TableComparison, _ row: String, _ metric: String) throws
        -> TableComparison.Entry
    {
        try #require(comparison.entries.first { $0.row.key == row && $0.metric == metric })
    }

    @Test func aRunOfTheExperimentIsJudged() throws {
        let comparison = try comparison([
            "slow-c": point(1055, tpf: 0.9), "fast-tpf1-c": point(989, tpf: 0.8),
            "fast-c": point(925, tpf: 5.4),
        ])
        #expect(try entry(comparison, "slow", "accuracy").verdict == .match)
        #expect(try entry(comparison, "fast", "accuracy").verdict == .withinNoise)
        #expect(try entry(comparison, "fast", "TPF").verdict == .differs)
        #expect(try entry(comparison, "fast", "TPS").verdict == .notComparable)
        let nominal = try entry(comparison, "slow", "TPF")
        #expect(nominal.verdict == .notComparable && nominal.reproduced == 0.9)
        // By another program, with the best accuracy of the run and a curve that begins at 1.
        let area = try #require(try entry(comparison, "fast", "AUP").reproduced)
        #expect(abs(area - 318.3162828430581) < 1e-9)
        #expect(comparison.summary == "4 match, 1 within noise, 1 differs, 3 not comparable")
    }

    @Test func aCurveThatFallsTooFarKeepsItsBeginningOnly() throws {
        let comparison = try comparison(["fast-tpf1-c": point(989, tpf: 0.8), "fast-c": point(910, tpf: 5.4)])
        let area = try #require(try entry(comparison, "fast", "AUP").reproduced)
        #expect(abs(area - 100.0 * 989 / 1319) < 1e-9)
    }

    @Test func withoutARunNothingIsJudged() throws {
        let comparison = TableComparison(table, nil, tolerances: try Repository.tables().tolerances)
        #expect(comparison.count(.notRun) == 8 && comparison.count(.notComparable) == 1)
    }

    @Test func aRunAtAnotherScaleIsNotComparable() throws {
        let comparison = try comparison(experiment: "mini/t", ["fast-c": point(950, tpf: 5)])
        #expect(comparison.count(.notComparable) == comparison.entries.count)
        #expect(try entry(comparison, "fast", "accuracy").reproduced != nil)
    }

    @Test func partOfABenchmarkIsNotComparable() throws {
        let comparison = try comparison(["fast-c": point(14, tpf: 5, of: 20)])
        let entry = try entry(comparison, "fast", "accuracy")
        #expect(entry.verdict == .notComparable)
        #expect(entry.reason == "the run has 20 problems, GSM8K has 1319")
    }

    @Test func aChangedExperimentIsNotComparable() throws {
        let comparison = try comparison(
            overrides: ["stages.fast-c.decoder.threshold=0.9"], ["fast-c": point(950, tpf: 5)])
        #expect(try entry(comparison, "fast", "accuracy").verdict == .notComparable)
    }

    @Test func anAreaNeedsTheWholeCurve() throws {
        let comparison = try comparison(["fast-c": point(950, tpf: 5)])
        let entry = try entry(comparison, "fast", "AUP")
        #expect(entry.verdict == .notComparable)
        #expect(entry.reason == "the curve's point \"Fast, one token\" wasn't run")
    }

    @Test func aFailedStageSaysSo() throws {
        let run = Reproduction(
            experiment: "paper/t", address: "a", points: [:], missing: ["fast-c": "the stage failed: no disk"]
        )
        let comparison = TableComparison(table, run, tolerances: try Repository.tables().tolerances)
        let entry = try entry(comparison, "fast", "accuracy")
        #expect(entry.verdict == .notRun && entry.reason == "the stage failed: no disk")
    }

    @Test(arguments: TableFormat.allCases)
    func everyFormatShowsTheVerdicts(format: TableFormat) throws {
        let text = format.renderer.render(try comparison(["fast-c": point(950, tpf: 5)]).rendered)
        #expect(text.contains("match") && text.contains("not run"))
    }
}
