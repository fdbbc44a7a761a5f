/// Several series of points over two linear axes, before it is decided what they look like.
public struct LineChart: Sendable, Hashable {
    /// One point, possibly with a vertical error bar.
    public struct Point: Sendable, Hashable {
        /// Where the point is on the horizontal axis.
        public let x: Double
        /// Where the point is on the vertical axis.
        public let y: Double
        /// The ends of the error bar, if there is one.
        public let error: ClosedRange<Double>?

        /// A point with its error bar, if there is one.
        public init(x: Double, y: Double, error: ClosedRange<Double>? = nil) {
            self.x = x
            self.y = y
            self.error = error
        }

        var isFinite: Bool {
            [x, y, error?.lowerBound ?? y, error?.upperBound ?? y].allSatisfy(\.isFinite)
        }
    }

    /// Points that belong together and are joined by lines in the order given.
    public struct Series: Sendable, Hashable {
        /// What the legend calls the series.
        public let name: String
        /// The points; those that aren't finite aren't drawn.
        public let points: [Point]

        /// A series of points.
        public init(_ name: String, points: [Point]) {
            self.name = name
            self.points = points
        }
    }

    /// What the chart shows, as a phrase.
    public var title: String
    /// What the horizontal axis shows, with its unit.
    public var xTitle: String
    /// What the vertical axis shows, with its unit.
    public var yTitle: String
    /// The series, in the order of the legend.
    public var series: [Series]

    /// A chart of the given parts.
    public init(title: String, xTitle: String, yTitle: String, series: [Series]) {
        self.title = title
        self.xTitle = xTitle
        self.yTitle = yTitle
        self.series = series
    }
}
