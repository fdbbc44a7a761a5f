#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// Round numbers that mark an axis, and the range of the axis that they span.
struct Ticks: Equatable {
    /// The marked values, ascending; at least two.
    let values: [Double]
    /// The digits after the point that tell the values apart.
    let digits: Int
    /// How values are spread over the axis.
    var scale = AxisScale.linear

    var range: ClosedRange<Double> { values[0]...values[values.count - 1] }

    /// Where a value is between the ends of the axis, from 0 to 1.
    func share(of value: Double) -> Double { scale.share(of: value, in: range) }

    /// What stands beside a marked value.
    func label(_ value: Double) -> String {
        guard scale == .logarithmic else { return FixedPoint.text(value, digits: digits) }
        let needed = (0...FixedPoint.maximumDigits).first { value * Self.power($0) > 1 - 1e-9 } ?? 0
        return FixedPoint.text(value, digits: needed)
    }

    /// Marks that are known already.
    init(values: [Double], digits: Int, scale: AxisScale) {
        self.values = values
        self.digits = digits
        self.scale = scale
    }

    /// About `count` steps of 1, 2 or 5 times a power of ten that span all of `data`.
    ///
    /// Without data the axis goes from 0 to 1; a single value gets room on both sides. Values that no axis shows don't count.
    init(spanning data: [Double], count: Int = 6) {
        let data = data.filter(AxisScale.linear.canShow)
        var low = data.min() ?? 0
        var high = data.max() ?? 1
        // Values that differ in their last digits only are one here: no number between them could be marked.
        if high - low <= max(low.magnitude, high.magnitude) * 1e-9 {
            let room = low == 0 ? 1 : low.magnitude / 10
            low -= room
            high += room
        }
        let rough = (high - low) / Double(count)
        // The power by repeated steps, not by logarithms, whose last bit differs between C libraries.
        var exponent = 0
        while Self.power(exponent + 1) <= rough, exponent < 300 { exponent += 1 }
        while Self.power(exponent) > rough, exponent > -300 { exponent -= 1 }
        let (factor, power) = Self.step(atLeast: rough, exponent: exponent)
        digits = min(max(0, -power), FixedPoint.maximumDigits)

        func value(_ index: Double) -> Double {
            power < 0 ? index * factor / Self.power(-power) : index * factor * Self.power(power)
        }
        let step = value(1)
        let first = (low / step).rounded(.down)
        let last = max((high / step).rounded(.up), first + 1)
        values = stride(from: first, through: last, by: 1).map(value)
    }

    /// The smallest of 1, 2, 5 and 10 times 10^`exponent` that isn't below `rough`, as a digit and a power.
    private static func step(atLeast rough: Double, exponent: Int) -> (factor: Double, power: Int) {
        for factor in [1.0, 2, 5] where factor * power(exponent) >= rough { return (factor, exponent) }
        return (1, exponent + 1)
    }

    static func power(_ exponent: Int) -> Double {
        let magnitude = (0..<exponent.magnitude).reduce(1.0) { power, _ in power * 10 }
        return exponent < 0 ? 1 / magnitude : magnitude
    }
}

extension Ticks {
    /// The marks of an axis of some scale.
    init(spanning data: [Double], scale: AxisScale, count: Int = 6) {
        switch scale {
        case .linear: self.init(spanning: data, count: count)
        case .logarithmic: self.init(logarithmic: data)
        }
    }

    /// Powers of ten that span all of `data`, and 2 and 5 times them where there would be few.
    ///
    /// Without data the axis goes from 1 to 10.
    private init(logarithmic data: [Double]) {
        let data = data.filter(AxisScale.logarithmic.canShow)
        let low = data.min() ?? 1
        let high = data.max() ?? 10
        var first = 0
        while Self.power(first) > low, first > -300 { first -= 1 }
        while Self.power(first + 1) <= low, first < 300 { first += 1 }
        var last = first + 1
        while Self.power(last) < high, last < 300 { last += 1 }
        let factors = last - first > 2 ? [1.0] : [1, 2, 5]
        var marks = (first..<last).flatMap { power in factors.map { $0 * Self.power(power) } }
        marks.append(Self.power(last))
        // Marks beyond the first one outside of the data on each side would only be empty space.
        let start = marks.lastIndex { $0 <= low } ?? 0
        let end = max(marks.firstIndex { $0 >= high } ?? marks.count - 1, start + 1)
        self.init(values: Array(marks[start...min(end, marks.count - 1)]), digits: 0, scale: .logarithmic)
    }
}

/// How values are spread over an axis.
public enum AxisScale: Sendable, Hashable {
    case linear
    /// Equal ratios are equally far apart; only positive values have a place.
    case logarithmic

    /// The largest magnitude that is drawn: sums and differences of such values are finite.
    static let largest = 1e300

    /// Whether the axis has a place for a value.
    func canShow(_ value: Double) -> Bool {
        value.magnitude <= Self.largest && (self == .linear || value >= 1 / Self.largest)
    }

    /// Where a value is between the ends of a range, from 0 to 1.
    ///
    /// Coordinates are rounded to hundredths of a pixel, so that the last bits of a C library's logarithm don't show.
    func share(of value: Double, in range: ClosedRange<Double>) -> Double {
        let (low, high) = (range.lowerBound, range.upperBound)
        return switch self {
        case .linear: (value - low) / (high - low)
        case .logarithmic: (log(value) - log(low)) / (log(high) - log(low))
        }
    }
}

/// Where a point is on a circle around the origin.
enum Circle {
    /// The point at a share of the full turn, clockwise from the top; y grows downwards.
    static func point(_ share: Double, radius: Double) -> (x: Double, y: Double) {
        let angle = share * 2 * Double.pi
        return (radius * sin(angle), -radius * cos(angle))
    }
}
