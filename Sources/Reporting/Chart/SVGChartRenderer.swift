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
    package func render(_ chart: LineChart) -> String {
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

extension SVGChartRenderer {
    /// The SVG of a radar chart; it needs three axes.
    package func render(_ chart: RadarChart) -> String {
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
