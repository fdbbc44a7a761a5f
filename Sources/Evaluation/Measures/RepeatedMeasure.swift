/// One measure over independent repeats of an experiment, such as training seeds.
package struct RepeatedMeasure: Sendable, Hashable {
    /// The value of each repeat, in order.
    package let values: [Double]

    /// The measure over at least one repeat.
    package init(_ values: [Double]) {
        precondition(!values.isEmpty, "a measure over no repeats")
        self.values = values
    }

    /// The mean of the repeats.
    package var mean: Double { values.reduce(0, +) / Double(values.count) }

    /// Student's 95 % interval of the mean; nil for a single repeat, which says nothing of the spread.
    ///
    /// It takes the repeats as draws from a normal distribution; with three of them it is 2.5 standard deviations
    /// wide to either side.
    package var interval: ClosedRange<Double>? {
        guard values.count > 1 else { return nil }
        let n = Double(values.count)
        let mean = mean
        let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / (n - 1)
        let half = Self.quantile(freedom: values.count - 1) * (variance / n).squareRoot()
        return mean - half...mean + half
    }

    /// Mean and interval.
    package var measurement: Measurement { Measurement(mean, interval: interval) }

    /// The 97.5 % quantile of Student's distribution; that of 30 degrees of freedom, which is wider, beyond.
    static func quantile(freedom: Int) -> Double {
        quantiles[min(freedom, quantiles.count) - 1]
    }

    private static let quantiles = [
        12.706205, 4.302653, 3.182446, 2.776445, 2.570582, 2.446912, 2.364624, 2.306004, 2.262157, 2.228139,
        2.200985, 2.178813, 2.160369, 2.144787, 2.131450, 2.119905, 2.109816, 2.100922, 2.093024, 2.085963,
        2.079614, 2.073873, 2.068658, 2.063899, 2.059539, 2.055529, 2.051831, 2.048407, 2.045230, 2.042272,
    ]
}
