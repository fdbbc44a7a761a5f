/// Draws charts as self-contained SVG files: no scripts, fonts or style sheets from elsewhere.
///
/// The same chart gives the same bytes. Series differ in colour, marker and, once the colours are used up, dashes;
/// the colours are those of Okabe and Ito, which colour-blind readers can tell apart (without the yellow, which
/// white paper swallows).
public struct SVGChartRenderer: Sendable {
    /// Width of the image without the legend, in pixels.
    public let width: Int
    /// Height of the image, in pixels.
    public let height: Int

    /// How they are coloured.
    public let theme: ChartTheme

    /// A renderer for images of a size.
    public init(width: Int = 640, height: Int = 420, theme: ChartTheme = .plain) {
        precondition(width >= 200 && height >= 150, "room for axes: at least 200 by 150 pixels")
        self.width = width
        self.height = height
        self.theme = theme
    }

    var svg: SVG { SVG(theme: theme) }

    /// The SVG of a chart of any kind.
    public func render(_ chart: Chart) -> String {
        switch chart {
        case .lines(let chart): render(chart)
        case .dots(let chart): render(chart)
        case .bars(let chart): render(chart)
        case .radar(let chart): render(chart)
        }
    }

    /// The SVG of `chart`.
    public func render(_ chart: LineChart) -> String {
        let frame = ChartFrame(chart, width: width, height: height)
        let legendWidth = 60 + 7 * (chart.series.map(\.name.count).max() ?? 0)
        let total = width + (chart.series.isEmpty ? 0 : legendWidth)
        var lines = [
            svg.text(chart.title, x: Double(frame.left + frame.right) / 2, y: 24, anchor: "middle", size: 15)
        ]
        lines += axes(of: chart, in: frame)
        for (index, series) in chart.series.enumerated() {
            let offset = chart.seriesOffset * (Double(index) - Double(chart.series.count - 1) / 2)
            lines += draw(
                series, style: style(of: series, at: index), in: frame, offset: offset,
                canDraw: chart.canDraw)
        }
        lines += chart.annotations.flatMap { annotation($0, in: frame) }
        lines += legend(of: chart, in: frame)
        if frame.isEmpty {
            let x = Double(frame.left + frame.right) / 2
            lines.append(svg.text("no data", x: x, y: Double(frame.top + frame.bottom) / 2, anchor: "middle"))
        }
        return svg.image(width: total, height: height, title: chart.title, summary: chart.summary, lines)
    }

    private func axes(of chart: LineChart, in frame: ChartFrame) -> [String] {
        let (left, right) = (Double(frame.left), Double(frame.right))
        let (top, bottom) = (Double(frame.top), Double(frame.bottom))
        var lines: [String] = []
        for value in frame.xTicks.values {
            let x = frame.x(value)
            lines.append(svg.line(x, top, x, bottom, .grid))
            lines.append(svg.line(x, bottom, x, bottom + 5))
            let label = frame.xTicks.label(value)
            lines.append(svg.text(label, x: x, y: bottom + 19, anchor: "middle"))
        }
        for value in frame.yTicks.values {
            let y = frame.y(value)
            lines.append(svg.line(left, y, right, y, .grid))
            lines.append(svg.line(left - 5, y, left, y))
            let label = frame.yTicks.label(value)
            lines.append(svg.text(label, x: left - 9, y: y + 4, anchor: "end"))
        }
        lines.append(svg.line(left, bottom, right, bottom))
        lines.append(svg.line(left, top, left, bottom))
        lines.append(
            svg.text(chart.xTitle, x: (left + right) / 2, y: bottom + 42, anchor: "middle", size: 13))
        lines.append(
            svg.text(chart.yTitle, x: 16, y: (top + bottom) / 2, anchor: "middle", size: 13, isVertical: true)
        )
        return lines
    }

    private func style(of series: LineChart.Series, at index: Int) -> SeriesStyle {
        SeriesStyle(series.style ?? index, theme: theme, isHollow: series.isHollow)
    }

    private func draw(
        _ series: LineChart.Series, style: SeriesStyle, in frame: ChartFrame, offset: Double,
        canDraw: (LineChart.Point) -> Bool
    ) -> [String] {
        let points = series.points.filter(canDraw)
        func x(_ point: LineChart.Point) -> Double { frame.x(point.x) + offset }
        var lines: [String] = []
        for point in points {
            guard let error = point.error else { continue }
            let x = x(point)
            let (low, high) = (frame.y(error.lowerBound), frame.y(error.upperBound))
            lines.append(svg.line(x, low, x, high, style.ink))
            for y in [low, high] { lines.append(svg.line(x - 4, y, x + 4, y, style.ink)) }
        }
        if points.count > 1 {
            let corners = points.map { "\(SVG.number(x($0))),\(SVG.number(frame.y($0.y)))" }
            let dashes = style.dashes.map { " stroke-dasharray=\"\($0)\"" } ?? ""
            lines.append(
                "<polyline points=\"\(corners.joined(separator: " "))\" fill=\"none\" \(theme.stroke(style.ink)) "
                    + "stroke-width=\"\(style.width)\"\(dashes)/>")
        }
        lines += points.map { style.marker(x: x($0), y: frame.y($0.y)) }
        return lines
    }

    private func annotation(_ annotation: LineChart.Annotation, in frame: ChartFrame) -> [String] {
        switch annotation {
        case .level(let level, _):
            guard frame.yTicks.range.contains(level) else { return [] }
            let y = frame.y(level)
            return [svg.line(Double(frame.left), y, Double(frame.right), y, dashes: "4 3")]
        case .point(let x, let y, let text):
            guard frame.xTicks.range.contains(x), frame.yTicks.range.contains(y) else { return [] }
            // Near the right edge the text stands on the other side of its point.
            let isRight = frame.xTicks.share(of: x) > 0.7
            return [
                svg.text(
                    text, x: frame.x(x) + (isRight ? -9 : 9), y: frame.y(y) - 7,
                    anchor: isRight ? "end" : "start", size: 11)
            ]
        }
    }

    private func legend(of chart: LineChart, in frame: ChartFrame) -> [String] {
        let levels = chart.annotations.compactMap { annotation in
            if case .level(_, let text) = annotation { text } else { nil }
        }
        let remarks = levels.enumerated().flatMap { index, text in
            let y = Double(frame.top + 10 + 22 * (chart.series.count + index))
            let x = Double(width + 8)
            return [svg.line(x, y, x + 28, y, dashes: "4 3"), svg.text(text, x: x + 36, y: y + 4)]
        }
        return remarks
            + chart.series.enumerated().flatMap { index, series in
                let style = style(of: series, at: index)
                let y = Double(frame.top + 10 + 22 * index)
                let x = Double(width + 8)
                return [
                    svg.line(x, y, x + 28, y, style.ink, width: style.width, dashes: style.dashes),
                    style.marker(x: x + 14, y: y),
                    svg.text(series.name, x: x + 36, y: y + 4),
                ]
            }
    }
}
