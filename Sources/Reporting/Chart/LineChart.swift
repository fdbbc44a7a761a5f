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
