/// Rows of one value each with its interval and the single values behind it, over one linear axis.
public struct DotChart: Sendable, Hashable {
    /// One row.
    package struct Row: Sendable, Hashable {
        /// What stands beside the row.
        package let name: String
        /// The value that counts, drawn large.
        package let value: Double
        /// The ends of its error bar, if there is one.
        package let error: ClosedRange<Double>?
        /// What the value is a mean of, drawn small.
        package let values: [Double]

        /// A row.
        package init(_ name: String, value: Double, error: ClosedRange<Double>? = nil, values: [Double] = [])
        {
            self.name = name
            self.value = value
            self.error = error
            self.values = values
        }

        var all: [Double] { [value] + values + (error.map { [$0.lowerBound, $0.upperBound] } ?? []) }
    }

    /// What the chart shows, as a phrase.
    package var title: String
    /// The same in a sentence or two, for those who can't see it.
    package var summary = ""
    /// What the axis shows, with its unit.
    package var axisTitle: String
    /// A value to draw a line at, such as no difference.
    package var reference: Double?
    /// The rows, from top to bottom; those that aren't finite aren't drawn.
    package var rows: [Row]

    /// A chart of the given parts.
    package init(title: String, axisTitle: String, reference: Double? = nil, rows: [Row]) {
        self.title = title
        self.axisTitle = axisTitle
        self.reference = reference
        self.rows = rows
    }
}

extension SVGChartRenderer {
    /// The SVG of a dot chart; its height follows from the number of rows.
    package func render(_ chart: DotChart) -> String {
        let rows = chart.rows.filter { $0.all.allSatisfy(\.isFinite) }
        let ticks = Ticks(spanning: rows.flatMap(\.all) + (chart.reference.map { [$0] } ?? []))
        let left = Double(24 + 7 * (chart.rows.map(\.name.count).max() ?? 0))
        let right = left + Double(width) - 160
        let top = 44.0
        let bottom = top + 26 * Double(max(1, rows.count))
        let (total, height) = (Int(right) + 30, Int(bottom) + 58)
        func x(_ value: Double) -> Double {
            left + (value - ticks.range.lowerBound) / (ticks.range.upperBound - ticks.range.lowerBound)
                * (right - left)
        }
        var lines = [
            svg.text(chart.title, x: Double(total) / 2, y: 24, anchor: "middle", size: 15)
        ]
        for value in ticks.values {
            lines.append(svg.line(x(value), top, x(value), bottom, .grid))
            lines.append(svg.line(x(value), bottom, x(value), bottom + 5))
            let label = FixedPoint.text(value, digits: ticks.digits)
            lines.append(svg.text(label, x: x(value), y: bottom + 19, anchor: "middle"))
        }
        lines.append(svg.line(left, bottom, right, bottom))
        if let reference = chart.reference {
            lines.append(svg.line(x(reference), top, x(reference), bottom, dashes: "4 3"))
        }
        for (i, row) in rows.enumerated() {
            lines += draw(row, y: top + 26 * Double(i) + 13, left: left, x: x)
        }
        if rows.isEmpty {
            lines.append(svg.text("no data", x: (left + right) / 2, y: top + 17, anchor: "middle"))
        }
        lines.append(
            svg.text(chart.axisTitle, x: (left + right) / 2, y: bottom + 42, anchor: "middle", size: 13))
        return svg.image(width: total, height: height, title: chart.title, summary: chart.summary, lines)
    }

    private func draw(_ row: DotChart.Row, y: Double, left: Double, x: (Double) -> Double) -> [String] {
        let style = SeriesStyle(0, theme: theme)
        var lines = [svg.text(row.name, x: left - 10, y: y + 4, anchor: "end")]
        if let error = row.error {
            lines.append(
                svg.line(x(error.lowerBound), y, x(error.upperBound), y, style.ink, width: 2))
            for end in [error.lowerBound, error.upperBound] {
                lines.append(svg.line(x(end), y - 4, x(end), y + 4, style.ink, width: 2))
            }
        }
        lines += row.values.map {
            "<circle cx=\"\(SVG.number(x($0)))\" cy=\"\(SVG.number(y))\" r=\"3\" fill=\"none\" \(theme.stroke(.line))/>"
        }
        lines.append(style.marker(x: x(row.value), y: y))
        return lines
    }
}
