extension SVGChartRenderer {
    /// The SVG of a radar chart; it needs three axes.
    public func render(_ chart: RadarChart) -> String {
        let legendWidth = 60 + 7 * (chart.series.map(\.name.count).max() ?? 0)
        let nameWidth = 7 * Double(chart.axes.map(\.name.count).max() ?? 0)
        let radius = max(60, min((Double(width) - 2 * nameWidth - 40) / 2, Double(height) / 2 - 66))
        let (centreX, centreY) = (nameWidth + radius + 20, Double(height) / 2 + 12)
        let edge = centreX + radius + nameWidth + 20
        func place(_ axis: Int, _ share: Double) -> (x: Double, y: Double) {
            let point = Circle.point(Double(axis) / Double(chart.axes.count), radius: radius * share)
            return (centreX + point.x, centreY + point.y)
        }
        let total = Int(edge) + (chart.series.isEmpty ? 0 : legendWidth)
        var lines = [svg.text(chart.title, x: Double(total) / 2, y: 24, anchor: "middle", size: 15)]
        guard chart.axes.count >= 3 else {
            lines.append(svg.text("no data", x: centreX, y: centreY, anchor: "middle"))
            return svg.image(
                width: total, height: height, title: chart.title, summary: chart.summary, lines)
        }
        for ring in [0.25, 0.5, 0.75, 1] {
            let corners = chart.axes.indices.map { place($0, ring) }
            lines.append("<polygon points=\"\(points(corners))\" fill=\"none\" \(theme.stroke(.grid))/>")
        }
        for (index, axis) in chart.axes.enumerated() {
            let end = place(index, 1)
            lines.append(svg.line(centreX, centreY, end.x, end.y, .grid))
            lines += name(of: axis, chart, at: end, centre: centreX, top: centreY - radius)
        }
        for (index, series) in chart.series.enumerated() {
            let style = SeriesStyle(index, theme: theme)
            let corners = chart.axes.indices.map { axis in
                chart.share(axis < series.values.count ? series.values[axis] : nil, axis: axis)
                    .map { place(axis, $0) }
            }
            lines +=
                outline(corners, style) + corners.compactMap { $0 }.map { style.marker(x: $0.x, y: $0.y) }
            let y = 54 + 22 * Double(index)
            lines += [
                svg.line(edge + 8, y, edge + 36, y, style.ink, width: 2, dashes: style.dashes),
                style.marker(x: edge + 22, y: y), svg.text(series.name, x: edge + 44, y: y + 4),
            ]
        }
        return svg.image(width: total, height: height, title: chart.title, summary: chart.summary, lines)
    }

    private func points(_ corners: [(x: Double, y: Double)]) -> String {
        corners.map { "\(SVG.number($0.x)),\(SVG.number($0.y))" }.joined(separator: " ")
    }

    /// The closed outline, or the lines between neighbours where a corner is missing.
    private func outline(_ corners: [(x: Double, y: Double)?], _ style: SeriesStyle) -> [String] {
        let known = corners.compactMap { $0 }
        if known.count == corners.count {
            let dashes = style.dashes.map { " stroke-dasharray=\"\($0)\"" } ?? ""
            return [
                "<polygon points=\"\(points(known))\" fill=\"none\" \(theme.stroke(style.ink)) "
                    + "stroke-width=\"2\"\(dashes)/>"
            ]
        }
        return corners.indices.compactMap { index in
            guard let from = corners[index], let to = corners[(index + 1) % corners.count] else { return nil }
            return svg.line(from.x, from.y, to.x, to.y, style.ink, width: 2, dashes: style.dashes)
        }
    }

    /// The axis's name and the value at its end, beside the end.
    private func name(
        of axis: RadarChart.Axis, _ chart: RadarChart, at end: (x: Double, y: Double), centre: Double,
        top: Double
    ) -> [String] {
        let anchor = abs(end.x - centre) < 1 ? "middle" : end.x > centre ? "start" : "end"
        let x = end.x + (anchor == "start" ? 8 : anchor == "end" ? -8 : 0)
        let y = end.y <= top + 1 ? end.y - 20 : anchor == "middle" ? end.y + 20 : end.y
        return [
            svg.text(axis.name, x: x, y: y, anchor: anchor),
            svg.text(
                FixedPoint.text(axis.maximum, digits: chart.digits), x: x, y: y + 13, anchor: anchor, size: 10
            ),
        ]
    }
}
