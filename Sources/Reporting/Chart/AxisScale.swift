#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

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
