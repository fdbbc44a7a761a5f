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
        let points = chart.series.flatMap(\.points).filter(\.isFinite)
        let heights = points.flatMap { [$0.y, $0.error?.lowerBound ?? $0.y, $0.error?.upperBound ?? $0.y] }
        let ticks = Ticks(spanning: heights)
        let widest = ticks.values.map { FixedPoint.text($0, digits: ticks.digits).count }.max() ?? 0
        isEmpty = points.isEmpty
        xTicks = Ticks(spanning: points.map(\.x))
        yTicks = ticks
        left = 42 + 7 * widest
        right = width - 20
        top = 44
        bottom = height - 58
    }

    func x(_ value: Double) -> Double {
        let range = xTicks.range
        let share = (value - range.lowerBound) / (range.upperBound - range.lowerBound)
        return Double(left) + share * Double(right - left)
    }

    func y(_ value: Double) -> Double {
        let range = yTicks.range
        let share = (value - range.lowerBound) / (range.upperBound - range.lowerBound)
        return Double(bottom) - share * Double(bottom - top)
    }
}
