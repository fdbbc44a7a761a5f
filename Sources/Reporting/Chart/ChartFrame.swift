/// Where the axes of a chart lie, and where a value is between them.
struct ChartFrame {
    let left: Int
    let right: Int
    let top: Int
    let bottom: Int
    let xTicks: Ticks
    let yTicks: Ticks
    /// Whether there is nothing to draw.
    let isEmpty: Bool

    init(_ chart: LineChart, width: Int, height: Int) {
        let points = chart.series.flatMap(\.points).filter(chart.canDraw)
        let heights = points.flatMap { [$0.y, $0.error?.lowerBound ?? $0.y, $0.error?.upperBound ?? $0.y] }
        let levels = chart.annotations.compactMap(\.level).filter(chart.yScale.canShow)
        let ticks = Ticks(spanning: heights + levels, scale: chart.yScale)
        let widest = ticks.values.map { ticks.label($0).count }.max() ?? 0
        isEmpty = points.isEmpty
        xTicks = Ticks(spanning: points.map(\.x), scale: chart.xScale)
        yTicks = ticks
        padding = chart.seriesOffset == 0 ? 0 : 12 + chart.seriesOffset * Double(chart.series.count) / 2
        left = 42 + 7 * widest
        right = width - 20
        top = 44
        bottom = height - 58
    }

    /// Room between the ends of the horizontal axis and its first and last mark, for points that stand on them.
    private let padding: Double

    func x(_ value: Double) -> Double {
        Double(left) + padding + xTicks.share(of: value) * (Double(right - left) - 2 * padding)
    }

    func y(_ value: Double) -> Double { Double(bottom) - yTicks.share(of: value) * Double(bottom - top) }
}
