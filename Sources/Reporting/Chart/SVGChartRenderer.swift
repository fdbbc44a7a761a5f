/// Draws a line chart as a self-contained SVG file: no scripts, fonts or style sheets from elsewhere.
///
/// The same chart gives the same bytes. Series differ in colour, marker and, once the colours are used up, dashes;
/// the colours are those of Okabe and Ito, which colour-blind readers can tell apart (without the yellow, which
/// white paper swallows).
public struct SVGChartRenderer: Sendable {
    /// Width of the image without the legend, in pixels.
    public let width: Int
    /// Height of the image, in pixels.
    public let height: Int

    /// A renderer for images of a size.
    public init(width: Int = 640, height: Int = 420) {
        precondition(width >= 200 && height >= 150, "room for axes: at least 200 by 150 pixels")
        self.width = width
        self.height = height
    }

    /// The SVG of `chart`.
    public func render(_ chart: LineChart) -> String {
        let frame = ChartFrame(chart, width: width, height: height)
        let legendWidth = 60 + 7 * (chart.series.map(\.name.count).max() ?? 0)
        let total = width + (chart.series.isEmpty ? 0 : legendWidth)
        var lines = [
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 \(total) \(height)\" width=\"\(total)\" "
                + "height=\"\(height)\" role=\"img\" font-family=\"sans-serif\" font-size=\"12\">",
            "<title>\(SVG.escaped(chart.title))</title>",
            "<rect width=\"\(total)\" height=\"\(height)\" fill=\"#ffffff\"/>",
            SVG.text(chart.title, x: Double(frame.left + frame.right) / 2, y: 24, anchor: "middle", size: 15),
        ]
        lines += axes(of: chart, in: frame)
        for (index, series) in chart.series.enumerated() {
            lines += draw(series, style: SeriesStyle(index), in: frame)
        }
        lines += legend(of: chart, in: frame)
        if frame.isEmpty {
            let x = Double(frame.left + frame.right) / 2
            lines.append(SVG.text("no data", x: x, y: Double(frame.top + frame.bottom) / 2, anchor: "middle"))
        }
        lines.append("</svg>")
        return lines.joined(separator: "\n") + "\n"
    }

    private func axes(of chart: LineChart, in frame: ChartFrame) -> [String] {
        let (left, right) = (Double(frame.left), Double(frame.right))
        let (top, bottom) = (Double(frame.top), Double(frame.bottom))
        var lines: [String] = []
        for value in frame.xTicks.values {
            let x = frame.x(value)
            lines.append(SVG.line(x, top, x, bottom, colour: "#e5e5e5"))
            lines.append(SVG.line(x, bottom, x, bottom + 5))
            let label = FixedPoint.text(value, digits: frame.xTicks.digits)
            lines.append(SVG.text(label, x: x, y: bottom + 19, anchor: "middle"))
        }
        for value in frame.yTicks.values {
            let y = frame.y(value)
            lines.append(SVG.line(left, y, right, y, colour: "#e5e5e5"))
            lines.append(SVG.line(left - 5, y, left, y))
            let label = FixedPoint.text(value, digits: frame.yTicks.digits)
            lines.append(SVG.text(label, x: left - 9, y: y + 4, anchor: "end"))
        }
        lines.append(SVG.line(left, bottom, right, bottom))
        lines.append(SVG.line(left, top, left, bottom))
        lines.append(
            SVG.text(chart.xTitle, x: (left + right) / 2, y: bottom + 42, anchor: "middle", size: 13))
        lines.append(
            SVG.text(chart.yTitle, x: 16, y: (top + bottom) / 2, anchor: "middle", size: 13, isVertical: true)
        )
        return lines
    }

    private func draw(_ series: LineChart.Series, style: SeriesStyle, in frame: ChartFrame) -> [String] {
        let points = series.points.filter(\.isFinite)
        var lines: [String] = []
        for point in points {
            guard let error = point.error else { continue }
            let x = frame.x(point.x)
            let (low, high) = (frame.y(error.lowerBound), frame.y(error.upperBound))
            lines.append(SVG.line(x, low, x, high, colour: style.colour))
            for y in [low, high] { lines.append(SVG.line(x - 4, y, x + 4, y, colour: style.colour)) }
        }
        if points.count > 1 {
            let corners = points.map { "\(SVG.number(frame.x($0.x))),\(SVG.number(frame.y($0.y)))" }
            let dashes = style.dashes.map { " stroke-dasharray=\"\($0)\"" } ?? ""
            lines.append(
                "<polyline points=\"\(corners.joined(separator: " "))\" fill=\"none\" stroke=\"\(style.colour)\" "
                    + "stroke-width=\"2\"\(dashes)/>")
        }
        lines += points.map { style.marker(x: frame.x($0.x), y: frame.y($0.y)) }
        return lines
    }

    private func legend(of chart: LineChart, in frame: ChartFrame) -> [String] {
        chart.series.enumerated().flatMap { index, series in
            let style = SeriesStyle(index)
            let y = Double(frame.top + 10 + 22 * index)
            let x = Double(width + 8)
            return [
                SVG.line(x, y, x + 28, y, colour: style.colour, width: 2, dashes: style.dashes),
                style.marker(x: x + 14, y: y),
                SVG.text(series.name, x: x + 36, y: y + 4),
            ]
        }
    }
}
