extension SVGChartRenderer {
    private static let barHeight = 16.0

    /// The SVG of a bar chart; its height follows from the number of bars.
    public func render(_ chart: BarChart) -> String {
        let bars = chart.groups.flatMap { $0.bars.compactMap(\.self) }.filter(chart.canDraw)
        let ends = bars.flatMap(\.ends)
        let ticks = Ticks(spanning: chart.scale == .linear ? ends + [0] : ends, scale: chart.scale)
        let left = Double(24 + 7 * (chart.groups.map(\.name.count).max() ?? 0))
        let labels = bars.map { label($0, chart).count }.max() ?? 0
        let right = left + Double(width) - 160
        let (total, top) = (Int(right) + 24 + 7 * labels, legendHeight(chart) + 44)
        let groupHeight = { (group: BarChart.Group) in
            10 + Self.barHeight * Double(max(1, group.bars.count))
        }
        let bottom = top + max(30, chart.groups.reduce(0) { $0 + groupHeight($1) })
        func x(_ value: Double) -> Double { left + ticks.share(of: value) * (right - left) }

        var lines = [svg.text(chart.title, x: Double(total) / 2, y: 24, anchor: "middle", size: 15)]
        lines += legend(chart, left: left)
        for value in ticks.values {
            lines.append(svg.line(x(value), top, x(value), bottom, .grid))
            lines.append(svg.line(x(value), bottom, x(value), bottom + 5))
            lines.append(svg.text(ticks.label(value), x: x(value), y: bottom + 19, anchor: "middle"))
        }
        lines.append(svg.line(left, bottom, right, bottom))
        var y = top + 5
        for group in chart.groups {
            let height = groupHeight(group)
            lines.append(svg.text(group.name, x: left - 10, y: y + (height - 10) / 2 + 4, anchor: "end"))
            for (index, bar) in group.bars.enumerated() {
                guard let bar, chart.canDraw(bar) else { continue }
                let start = chart.scale == .linear ? x(0) : left
                lines += draw(
                    bar, SeriesStyle(index, theme: theme), from: start, y: y + Self.barHeight * Double(index),
                    label: label(bar, chart), x: x)
            }
            y += height
        }
        if bars.isEmpty {
            lines.append(svg.text("no data", x: (left + right) / 2, y: top + 17, anchor: "middle"))
        }
        let zero = chart.scale == .linear ? x(0) : left
        lines.append(svg.line(zero, top, zero, bottom))
        lines.append(
            svg.text(chart.axisTitle, x: (left + right) / 2, y: bottom + 42, anchor: "middle", size: 13))
        return svg.image(
            width: total, height: Int(bottom) + 58, title: chart.title, summary: chart.summary, lines)
    }

    private func label(_ bar: BarChart.Bar, _ chart: BarChart) -> String {
        bar.label ?? FixedPoint.text(bar.value, digits: chart.digits)
    }

    private func draw(
        _ bar: BarChart.Bar, _ style: SeriesStyle, from start: Double, y: Double, label: String,
        x: (Double) -> Double
    ) -> [String] {
        let end = x(bar.value)
        let middle = y + Self.barHeight / 2
        var lines = [
            svg.bar(
                x: min(start, end), y: y + 1, width: abs(end - start), height: Self.barHeight - 2, style.ink)
        ]
        var textStart = max(start, end)
        if let error = bar.error {
            let (low, high) = (x(error.lowerBound), x(error.upperBound))
            lines.append(svg.line(low, middle, high, middle))
            for edge in [low, high] { lines.append(svg.line(edge, middle - 4, edge, middle + 4)) }
            textStart = max(textStart, high)
        }
        lines.append(svg.text(label, x: textStart + 5, y: middle + 4, size: 11))
        return lines
    }

    /// The legend stands above the bars, one entry per line, so that names of any length fit.
    private func legend(_ chart: BarChart, left: Double) -> [String] {
        guard chart.series.count > 1 else { return [] }
        return chart.series.enumerated().flatMap { index, name in
            let y = 38 + 18 * Double(index)
            return [
                svg.bar(x: left, y: y, width: 14, height: 12, SeriesStyle(index, theme: theme).ink),
                svg.text(name, x: left + 20, y: y + 10),
            ]
        }
    }

    private func legendHeight(_ chart: BarChart) -> Double {
        chart.series.count > 1 ? 18 * Double(chart.series.count) : 0
    }
}
