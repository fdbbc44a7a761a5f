import Testing

@testable import Reporting

struct DotChartTests {
    @Test func rowsWithIntervalsAndSingleValues() throws {
        let chart = DotChart(
            title: "Effects & intervals", axisTitle: "difference in AUP", reference: 0,
            rows: [
                .init("multi-block", value: 123.8, error: 22.7...225, values: [163, 81.7, 126.9]),
                .init("early <stop>", value: 54.7, error: -83.4...192.8, values: [0.1, 52.7, 111.3]),
                .init("no interval", value: -10), .init("not drawn", value: .nan),
            ])
        try Snapshot.expect(SVGChartRenderer().render(chart), matches: "dots.svg")
    }
}
