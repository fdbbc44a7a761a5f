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
