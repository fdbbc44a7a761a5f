/// Several series of points over two linear axes, before it is decided what they look like.
public struct LineChart: Sendable, Hashable {
    /// One point, possibly with a vertical error bar.
    package struct Point: Sendable, Hashable {
        /// Where the point is on the horizontal axis.
        package let x: Double
        /// Where the point is on the vertical axis.
        package let y: Double
        /// The ends of the error bar, if there is one.
        package let error: ClosedRange<Double>?

        /// A point with its error bar, if there is one.
        package init(x: Double, y: Double, error: ClosedRange<Double>? = nil) {
            self.x = x
            self.y = y
            self.error = error
        }

        var isFinite: Bool {
            [x, y, error?.lowerBound ?? y, error?.upperBound ?? y].allSatisfy(\.isFinite)
        }
    }

    /// Points that belong together and are joined by lines in the order given.
    package struct Series: Sendable, Hashable {
        /// What the legend calls the series.
        package let name: String
        /// The points; those that aren't finite aren't drawn.
        package let points: [Point]

        /// The place whose colour and marker it has; its own unless two series belong together.
        package let style: Int?
        /// Whether it is drawn with hollow markers and a thin dashed line: what it shows is from elsewhere.
        package let isHollow: Bool

        /// A series of points.
        package init(_ name: String, points: [Point], style: Int? = nil, isHollow: Bool = false) {
            self.name = name
            self.points = points
            self.style = style
            self.isHollow = isHollow
        }
    }

    /// A remark in the picture.
    package enum Annotation: Sendable, Hashable {
        /// A dashed line across at a height, explained in the legend.
        case level(Double, String)
        /// A text beside a point.
        case point(x: Double, y: Double, String)

        var level: Double? { if case .level(let level, _) = self { level } else { nil } }
    }

    /// What the chart shows, as a phrase.
    package var title: String
    /// The same in a sentence or two, for those who can't see it.
    package var summary = ""
    /// What the horizontal axis shows, with its unit.
    package var xTitle: String
    /// What the vertical axis shows, with its unit.
    package var yTitle: String
    /// The series, in the order of the legend.
    package var series: [Series]
    /// How the horizontal axis is spread; on a logarithmic one what isn't positive isn't drawn.
    package var xScale = AxisScale.linear
    /// How the vertical axis is spread.
    package var yScale = AxisScale.linear
    /// How far apart, in pixels, series are drawn that have points at the same place; 0 draws them over one another.
    package var seriesOffset = 0.0
    /// Remarks in the picture.
    package var annotations: [Annotation] = []

    /// A chart of the given parts.
    package init(title: String, xTitle: String, yTitle: String, series: [Series]) {
        self.title = title
        self.xTitle = xTitle
        self.yTitle = yTitle
        self.series = series
    }

    func canDraw(_ point: Point) -> Bool {
        let ends = [point.y, point.error?.lowerBound ?? point.y, point.error?.upperBound ?? point.y]
        return point.isFinite && xScale.canShow(point.x) && ends.allSatisfy(yScale.canShow)
    }
}

/// Groups of horizontal bars over one axis, each with its value and its interval, if it has one.
public struct BarChart: Sendable, Hashable {
    /// One bar.
    public struct Bar: Sendable, Hashable {
        /// Where it ends.
        public let value: Double
        /// The ends of its error bar, if there is one.
        public let error: ClosedRange<Double>?
        /// What stands behind it instead of its value.
        public let label: String?

        /// A bar.
        public init(_ value: Double, error: ClosedRange<Double>? = nil, label: String? = nil) {
            self.value = value
            self.error = error
            self.label = label
        }

        var ends: [Double] { [value, error?.lowerBound ?? value, error?.upperBound ?? value] }
    }

    /// Bars that belong together.
    public struct Group: Sendable, Hashable {
        /// What stands beside the group.
        public let name: String
        /// One bar for each series, in their order; nil where a series has none.
        public let bars: [Bar?]

        /// A group of bars.
        public init(_ name: String, _ bars: [Bar?]) {
            self.name = name
            self.bars = bars
        }
    }

    /// What the chart shows, as a phrase.
    public var title: String
    /// The same in a sentence or two, for those who can't see it.
    public var summary = ""
    /// What the axis shows, with its unit.
    public var axisTitle: String
    /// How the axis is spread; bars of a logarithmic one begin at its lower end.
    package var scale: AxisScale
    /// How many digits after the point the values have.
    public var digits: Int
    /// What the bars of a group are, in the order of the legend; a single one needs no legend.
    public var series: [String]
    /// The groups, from top to bottom.
    public var groups: [Group]

    /// A chart of the given parts.
    public init(
        title: String, axisTitle: String, scale: AxisScale = .linear, digits: Int = 1, series: [String],
        groups: [Group]
    ) {
        self.title = title
        self.axisTitle = axisTitle
        self.scale = scale
        self.digits = digits
        self.series = series
        self.groups = groups
    }

    func canDraw(_ bar: Bar) -> Bool { bar.ends.allSatisfy { $0.isFinite && scale.canShow($0) } }
}

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

/// Series over several axes that start from one centre, each axis with a range of its own from zero.
public struct RadarChart: Sendable, Hashable {
    /// One axis.
    package struct Axis: Sendable, Hashable {
        /// What stands at its end.
        package let name: String
        /// The value at its end.
        package let maximum: Double

        /// An axis from 0 to a positive maximum.
        package init(_ name: String, maximum: Double) {
            self.name = name
            self.maximum = maximum
        }
    }

    /// Values that belong together.
    package struct Series: Sendable, Hashable {
        /// What the legend calls the series.
        package let name: String
        /// One value for each axis; nil where there is none, which leaves a gap in the outline.
        package let values: [Double?]

        /// A series of values.
        package init(_ name: String, _ values: [Double?]) {
            self.name = name
            self.values = values
        }
    }

    /// What the chart shows, as a phrase.
    package var title: String
    /// The same in a sentence or two, for those who can't see it.
    package var summary = ""
    /// How many digits after the point the ends of axes have.
    package var digits: Int
    /// The axes, clockwise from the top.
    package var axes: [Axis]
    /// The series, in the order of the legend.
    package var series: [Series]

    /// A chart of the given parts.
    package init(title: String, digits: Int = 0, axes: [Axis], series: [Series]) {
        self.title = title
        self.digits = digits
        self.axes = axes
        self.series = series
    }

    /// How far out a value is, from 0 at the centre to 1; nil where it can't be drawn.
    func share(_ value: Double?, axis: Int) -> Double? {
        guard let value, value.isFinite, value >= 0, axis < axes.count, axes[axis].maximum > 0 else {
            return nil
        }
        return min(1, value / axes[axis].maximum)
    }
}
