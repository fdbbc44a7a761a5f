import Testing

@testable import Reporting

struct LineChartTests {
    private func chart(_ series: [LineChart.Series]) -> LineChart {
        LineChart(
            title: "Accuracy & speed", xTitle: "Tokens per forward", yTitle: "Accuracy (%)", series: series)
    }

    @Test func severalSeries() throws {
        let chart = chart([
            .init(
                "vanilla",
                points: [.init(x: 0.96, y: 96.5, error: 92.95...98.29)]),
            .init(
                "Fast-dLLM",
                points: [
                    .init(x: 1.6, y: 96.5, error: 92.95...98.29), .init(x: 2.05, y: 93.5, error: 89.2...96.2),
                    .init(x: 3.64, y: 72.5, error: 65.9...78.2), .init(x: .nan, y: 1),
                ]),
            .init(
                "d3LLM <multi>",
                points: [.init(x: 3.38, y: 98.5), .init(x: 5.32, y: 96), .init(x: 6.2, y: 82)]),
        ])
        try Snapshot.expect(SVGChartRenderer().render(chart), matches: "chart.svg")
    }

    @Test func emptyChartSaysSo() throws {
        try Snapshot.expect(SVGChartRenderer(width: 300, height: 200).render(chart([])), matches: "empty.svg")
    }

    @Test func namesAreEscaped() {
        let text = SVGChartRenderer().render(chart([.init("<script>\"\u{1}", points: [])]))
        #expect(text.contains("&lt;script&gt;&quot;\u{FFFD}"))
        #expect(!text.contains("<script>"))
    }

    @Test func manySeriesStayDifferent() {
        let styles = (0..<28).map { SeriesStyle($0) }
        #expect(Set(styles.map { "\($0.colour)\($0.dashes ?? "")" }).count == 28)
    }
}

struct TicksTests {
    @Test(arguments: [
        ([0.96, 6.2], [0.0, 1, 2, 3, 4, 5, 6, 7], 0),
        ([65.9, 98.5], [60.0, 70, 80, 90, 100], 0),
        ([0.0012, 0.0034], [0.001, 0.0015, 0.002, 0.0025, 0.003, 0.0035], 4),
        ([-3.0, 3], [-3.0, -2, -1, 0, 1, 2, 3], 0),
        ([0.0, 60_000], [0.0, 10_000, 20_000, 30_000, 40_000, 50_000, 60_000], 0),
        ([], [0.0, 0.2, 0.4, 0.6, 0.8, 1], 1),
    ]) func roundNumbersSpanTheData(data: [Double], values: [Double], digits: Int) {
        let ticks = Ticks(spanning: data)
        #expect(ticks.values.count == values.count)
        for (tick, value) in zip(ticks.values, values) {
            #expect(abs(tick - value) < 1e-9 * max(1, abs(value)))
        }
        #expect(ticks.digits == digits)
    }

    @Test(arguments: [[5.0], [0.0], [-2.0, -2.0], [1e300, -1e300], [1e-300], [1e17, 1e17 + 16]])
    func oddDataStillGivesAnAxis(data: [Double]) {
        let ticks = Ticks(spanning: data)
        #expect(ticks.values.count >= 2 && ticks.values.count < 20)
        #expect(ticks.values.allSatisfy { $0.isFinite })
        #expect(data.allSatisfy { ticks.range.contains($0) })
    }
}
