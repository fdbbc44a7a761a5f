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
