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

    /// The interval of the mean accuracy over repeats, which stays inside 0...100 too.
    ///
    /// Wilson's interval with as many problems as would give the spread that the repeats have (Korn and Graubard's
    /// effective sample size), and Student's quantile: a mean of 98 % whose textbook interval would end at 104 gets
    /// one that ends at 99.6. Repeats that agree by chance don't make it narrower than their problems allow.
    /// - Parameters:
    ///   - accuracies: of the repeats, in percent; at least two.
    ///   - problems: of all repeats together.
    package init(repeats accuracies: [Double], problems: Int, confidence: Double = 0.95) {
        precondition(accuracies.count > 1 && problems > 0, "an interval needs two repeats and problems")
        let measure = RepeatedMeasure(accuracies.map { $0 / 100 })
        let p = min(1, max(0, measure.mean))
        let z = StudentDistribution(freedom: accuracies.count - 1).quantile(confidence: confidence)
        let error = measure.standardError
        let n = error > 0 ? min(p * (1 - p) / (error * error), Double(problems)) : Double(problems)
        guard n > 0 else {
            (lower, upper) = (0, 100)
            return
        }
        let scale = 1 + z * z / n
        let centre = p + z * z / (2 * n)
        let spread = z * (p * (1 - p) / n + z * z / (4 * n * n)).squareRoot()
        lower = p == 0 ? 0 : 100 * max(0, (centre - spread) / scale)
        upper = p == 1 ? 100 : 100 * min(1, (centre + spread) / scale)
    }

    /// The interval as a range, in percent.
    package var range: ClosedRange<Double> { lower...upper }
}
