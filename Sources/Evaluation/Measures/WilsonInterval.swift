/// The Wilson score interval of a proportion, in percent.
///
/// Unlike the textbook interval it stays inside 0...100 and isn't empty when all or no samples are right
/// (Wilson, 1927).
package struct WilsonInterval: Sendable, Hashable {
    /// The lower end, in percent.
    package let lower: Double
    /// The upper end, in percent.
    package let upper: Double

    /// The 97.5 % quantile of the standard normal distribution, which makes a two-sided 95 % interval.
    package static let z95 = 1.959963984540054

    /// The interval for `correct` right answers among `count`.
    ///
    /// - Parameter z: the quantile of the normal distribution that sets the confidence.
    package init(correct: Int, count: Int, z: Double = Self.z95) {
        precondition(count > 0 && (0...count).contains(correct), "0 ≤ correct ≤ count and count > 0")
        let n = Double(count)
        let p = Double(correct) / n
        let scale = 1 + z * z / n
        let centre = p + z * z / (2 * n)
        let spread = z * (p * (1 - p) / n + z * z / (4 * n * n)).squareRoot()
        // The exact ends at 0 and n are 0 and 100; rounding must not push them past.
        lower = correct == 0 ? 0 : 100 * max(0, (centre - spread) / scale)
        upper = correct == count ? 100 : 100 * min(1, (centre + spread) / scale)
    }

    /// The interval as a range, in percent.
    package var range: ClosedRange<Double> { lower...upper }
}
