import Testing

@testable import Reporting

struct BarChartTests {
    @Test(arguments: [(ChartTheme.plain, "bars.svg"), (.adaptive, "bars-adaptive.svg")])
    func groupsWithIntervalsAndGaps(theme: ChartTheme, file: String) throws {
        var chart = BarChart(
            title: "Speed & more", axisTitle: "tokens per second", series: ["H100", "A100"],
            groups: [
                .init("LLaDA", [.init(27.9), .init(19.2, error: 15...24)]),
                .init("d3LLM <x>", [nil, .init(183.3, label: "about 183")]),
                .init("not drawn", [.init(.infinity), .init(-5)]),
            ])
        chart.summary = "Two machines."
        try Snapshot.expect(SVGChartRenderer(theme: theme).render(chart), matches: file)
    }

    @Test func logarithmicBarsLeaveOutWhatIsNotPositive() {
        let chart = BarChart(
            title: "t", axisTitle: "a", scale: .logarithmic, series: ["s"],
            groups: [.init("a", [.init(0)]), .init("b", [.init(-1)]), .init("c", [.init(50)])])
        let text = SVGChartRenderer().render(chart)
        #expect(text.ranges(of: "<rect").count == 2, "the paper and one bar")
        #expect(!text.contains("nan") && !text.contains("inf"))
    }

    @Test func noBarsSaySo() {
        let chart = BarChart(title: "t", axisTitle: "a", series: [], groups: [])
        #expect(SVGChartRenderer().render(chart).contains(">no data<"))
    }
}

struct RadarChartTests {
    private func chart(_ values: [Double?]) -> RadarChart {
        var chart = RadarChart(
            title: "AUP",
            axes: [.init("GSM8K", maximum: 600), .init("MATH", maximum: 100), .init("MBPP", maximum: 80)],
            series: [.init("d3LLM", values), .init("vanilla & co", [60, 40, 30])])
        chart.summary = "Two methods."
        return chart
    }

    @Test func outlinesOverThreeAxes() throws {
        try Snapshot.expect(
            SVGChartRenderer(theme: .adaptive).render(chart([600, 90, 80])), matches: "radar.svg")
    }

    @Test func aMissingValueLeavesAGap() {
        let whole = SVGChartRenderer().render(chart([600, 90, 80]))
        let gap = SVGChartRenderer().render(chart([600, nil, 80]))
        #expect(
            whole.ranges(of: "stroke-width=\"2\"/>").count == gap.ranges(of: "stroke-width=\"2\"/>").count)
        #expect(!gap.contains("nan"))
    }

    @Test func twoAxesAreNoRadar() {
        let chart = RadarChart(
            title: "t", axes: [.init("a", maximum: 1), .init("b", maximum: 1)], series: [])
        #expect(SVGChartRenderer().render(chart).contains(">no data<"))
    }
}

struct ChartThemeTests {
    private var chart: LineChart {
        var chart = LineChart(
            title: "T", xTitle: "x", yTitle: "y",
            series: [
                .init(
                    "a", points: [.init(x: 1, y: 70, error: 65...75), .init(x: 9, y: 72), .init(x: 0, y: 1)])
            ])
        chart.summary = "A & B."
        chart.xScale = .logarithmic
        chart.seriesOffset = 4
        chart.annotations = [.level(74, "best"), .point(x: 9, y: 72, "here")]
        return chart
    }

    @Test func adaptiveChartsDescribeThemselvesAndHaveTwoSchemes() throws {
        let text = SVGChartRenderer(theme: .adaptive).render(chart)
        #expect(text.contains("role=\"img\"") && text.contains("<desc>A &amp; B.</desc>"))
        #expect(text.contains("prefers-color-scheme:dark") && text.contains("currentColor"))
        #expect(!text.contains("stroke=\"#") && !text.contains("fill=\"#"))
        try Snapshot.expect(text, matches: "chart-adaptive.svg")
    }

    @Test func plainChartsHaveNoStyleSheet() {
        #expect(!SVGChartRenderer().render(chart).contains("<style>"))
    }

    @Test(arguments: [
        ([1.0, 9.1], [1.0, 2, 5, 10]), ([0.9, 3], [0.5, 1, 2, 5]),
        ([8.3, 1240], [1.0, 10, 100, 1000, 10000]),
        ([], [1.0, 2, 5, 10]), ([0.02], [0.02, 0.05]),
    ]) func logarithmicMarksSpanTheData(data: [Double], marks: [Double]) {
        let ticks = Ticks(spanning: data, scale: .logarithmic)
        #expect(ticks.values.count == marks.count)
        for (tick, mark) in zip(ticks.values, marks) { #expect(abs(tick / mark - 1) < 1e-9) }
        for (value, label) in [(0.005, "0.005"), (0.02, "0.02"), (0.5, "0.5"), (1, "1"), (20, "20")] {
            #expect(ticks.label(value) == label)
        }
    }
}
