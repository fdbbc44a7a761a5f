internal import Numerics

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

    /// The standard deviation of the repeats (divisor n − 1); 0 for one alone.
    package var deviation: Double {
        guard values.count > 1 else { return 0 }
        let mean = mean
        return (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count - 1)).squareRoot()
    }

    /// The standard error of the mean.
    package var standardError: Double { deviation / Double(values.count).squareRoot() }

    /// Student's 95 % interval of the mean; see ``interval(confidence:)``.
    package var interval: ClosedRange<Double>? { interval(confidence: 0.95) }

    /// Student's interval of the mean; nil for a single repeat, which says nothing of the spread.
    ///
    /// It takes the repeats as draws from a normal distribution; with three of them it is at 95 % 2.5 standard
    /// deviations wide to either side.
    package func interval(confidence: Double) -> ClosedRange<Double>? {
        guard values.count > 1 else { return nil }
        let half =
            StudentDistribution(freedom: values.count - 1).quantile(confidence: confidence) * standardError
        return mean - half...mean + half
    }

    /// The geometric mean with Student's interval on the scale of logarithms, for speeds and areas: it never ends below
    /// zero, and the ratio of two such means is what ratios of repeats have as their mean.
    ///
    /// Where a value isn't positive it is the plain mean without an interval.
    package func geometric(confidence: Double = 0.95) -> Measurement {
        guard values.allSatisfy({ $0 > 0 }) else { return Measurement(mean) }
        let logarithms = RepeatedMeasure(values.map(Elementary.log))
        return Measurement(
            Elementary.exp(logarithms.mean),
            interval: logarithms.interval(confidence: confidence).map {
                Elementary.exp($0.lowerBound)...Elementary.exp($0.upperBound)
            })
    }

    /// Mean and interval.
    package var measurement: Measurement { Measurement(mean, interval: interval) }
}
