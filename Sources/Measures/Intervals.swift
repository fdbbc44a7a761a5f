internal import Numerics

/// Student's distribution with `freedom` degrees of freedom, central and shifted: what intervals over few repeats and
/// the power of a comparison are read from.
///
/// Computed from the regularised incomplete beta function (continued fraction after Lentz) and by integrating over
/// the standard deviation; agrees with SciPy's `stats.t` and `stats.nct` to nine digits in the range that the tests
/// cover.
package struct StudentDistribution: Sendable, Hashable {
    /// Degrees of freedom, at least 1.
    package let freedom: Int

    package init(freedom: Int) {
        precondition(freedom >= 1, "Student's distribution needs a degree of freedom")
        self.freedom = freedom
    }

    private var nu: Double { Double(freedom) }

    /// The probability of a value above `t` ≥ 0.
    package func upperTail(_ t: Double) -> Double {
        0.5 * SpecialFunctions.incompleteBeta(nu / (nu + t * t), nu / 2, 0.5)
    }

    /// The t ≥ 0 for which values between −t and t have the probability `confidence`.
    ///
    /// - Parameter confidence: In 0..<1, such as 0.95.
    package func quantile(confidence: Double) -> Double {
        precondition(confidence >= 0 && confidence < 1, "a confidence lies in 0..<1")
        let tail = (1 - confidence) / 2
        var (low, high) = (0.0, 1.0)
        while upperTail(high) > tail, high < 1e300 { (low, high) = (high, 2 * high) }
        // The tail falls with t; halving ends where the two can't be told apart.
        while true {
            let middle = low + (high - low) / 2
            guard middle > low, middle < high else { return high }
            if upperTail(middle) > tail { low = middle } else { high = middle }
        }
    }

    /// The probability that a shifted value lies outside −`bound`...`bound`: the power of a two-sided test.
    ///
    /// - Parameters:
    ///   - bound: The quantile that the test compares with.
    ///   - shift: The true effect in standard errors (the non-centrality).
    package func power(bound: Double, shift: Double) -> Double {
        // With S the standard deviation over its expectation, T = (Z + shift) / S; Simpson's rule over S.
        let half = nu / 2
        let scale = Elementary.log(2) + half * Elementary.log(half) - SpecialFunctions.logGamma(half)
        func density(_ s: Double) -> Double {
            s > 0
                ? Elementary.exp(scale + (nu - 1) * Elementary.log(s) - half * s * s)
                : freedom == 1 ? Elementary.exp(scale) : 0
        }
        // Beyond this S the density is below e⁻⁴⁰ of its greatest value.
        let end = 1 + (80 / nu).squareRoot()
        let steps = 800
        let width = end / Double(steps)
        var sum = 0.0
        for i in 0...steps {
            let s = Double(i) * width
            let outside =
                SpecialFunctions.normal(shift - bound * s) + SpecialFunctions.normal(-shift - bound * s)
            sum += (i == 0 || i == steps ? 1 : i % 2 == 1 ? 4 : 2) * density(s) * outside
        }
        return min(1, sum * width / 3)
    }
}

/// Functions that distributions are made of.
enum SpecialFunctions {
    /// ln Γ(x) for x > 0 (Lanczos' approximation, g = 7, nine terms).
    static func logGamma(_ x: Double) -> Double {
        let terms = [
            0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313,
            -176.61502916214059,
            12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
        ]
        guard x >= 0.5 else { return logGamma(x + 1) - Elementary.log(x) }
        let shifted = x - 1
        let sum = terms.dropFirst().enumerated().reduce(terms[0]) {
            $0 + $1.element / (shifted + Double($1.offset + 1))
        }
        let base = shifted + 7.5
        return 0.5 * Elementary.log(2 * Double.pi) + (shifted + 0.5) * Elementary.log(base) - base
            + Elementary.log(sum)
    }

    /// The regularised incomplete beta function I_x(a, b).
    static func incompleteBeta(_ x: Double, _ a: Double, _ b: Double) -> Double {
        guard x > 0 else { return 0 }
        guard x < 1 else { return 1 }
        // The fraction converges fast below the mean; above it the mirrored one does.
        if x > (a + 1) / (a + b + 2) { return 1 - incompleteBeta(1 - x, b, a) }
        let front = Elementary.exp(
            logGamma(a + b) - logGamma(a) - logGamma(b) + a * Elementary.log(x) + b * Elementary.log(1 - x))
        let tiny = 1e-300
        func away(_ value: Double) -> Double { abs(value) < tiny ? tiny : value }
        var c = 1.0
        var d = 1 / away(1 - (a + b) * x / (a + 1))
        var fraction = d
        for m in 1...2000 {
            let m = Double(m)
            let even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
            d = 1 / away(1 + even * d)
            c = away(1 + even / c)
            fraction *= d * c
            let odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
            d = 1 / away(1 + odd * d)
            c = away(1 + odd / c)
            fraction *= d * c
            if abs(d * c - 1) < 1e-15 { break }
        }
        return front * fraction / a
    }

    /// The standard normal distribution function Φ(z).
    static func normal(_ z: Double) -> Double {
        let x = z * z / 2
        guard x < 700 else { return z < 0 ? 0 : 1 }
        if x < 1.5 {
            // Φ(z) = ½ + φ(z)·(z + z³/3 + z⁵/15 + …)
            var (term, sum, k) = (z, z, 1.0)
            while abs(term) > 1e-18 * abs(sum), k < 400 {
                k += 2
                term *= z * z / k
                sum += term
            }
            return 0.5 + sum * Elementary.exp(-x) / (2 * Double.pi).squareRoot()
        }
        // The tail by Laplace's continued fraction, from its far end.
        let far = abs(z)
        var fraction = far
        for k in stride(from: 200, to: 0, by: -1) { fraction = far + Double(k) / fraction }
        let tail = Elementary.exp(-x) / (2 * Double.pi).squareRoot() / fraction
        return z < 0 ? tail : 1 - tail
    }
}

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

/// A measure over repeats of which some share a teacher: students of one teacher are no independent repeats.
///
/// Its mean is the mean over teachers of the means of their students, its interval Student's over the teachers, with
/// as many degrees of freedom as there are teachers less one. Where every teacher has one student it is
/// ``RepeatedMeasure``; where there is one teacher, the interval is over its students and says nothing of others.
package struct ClusteredMeasure: Sendable, Hashable {
    /// The values by teacher.
    package let clusters: [[Double]]

    /// - Parameter clusters: At least one, none empty.
    package init(_ clusters: [[Double]]) {
        precondition(!clusters.isEmpty && clusters.allSatisfy { !$0.isEmpty }, "a teacher without students")
        self.clusters = clusters
    }

    /// What the interval is over.
    package var repeats: RepeatedMeasure {
        RepeatedMeasure(isOfOneTeacher ? clusters[0] : clusters.map { RepeatedMeasure($0).mean })
    }

    /// Whether several students have one teacher alone.
    package var isOfOneTeacher: Bool { clusters.count == 1 && clusters[0].count > 1 }

    package var mean: Double { repeats.mean }

    package func interval(confidence: Double = 0.95) -> ClosedRange<Double>? {
        repeats.interval(confidence: confidence)
    }

    /// How much of the spread is whose.
    package struct Components: Sendable, Hashable {
        /// Between teachers (with all that changes with them: problems for training, trajectories); nil for one teacher.
        package let teachers: VarianceComponent?
        /// Between students of one teacher; nil where no teacher has two, and it is part of `teachers`.
        package let students: VarianceComponent?
        /// That another draw of test problems would give, from the bootstrap; nil where it isn't known.
        package let problems: Double?
    }

    /// Variance components by the method of moments (one-way analysis of variance, also with unequal numbers of students).
    ///
    ///     MS within = Σ (x − mean of its teacher)² / (N − k),    MS between = Σ nᵢ (meanᵢ − mean)² / (k − 1)
    ///     students  = MS within − problems,   teachers = (MS between − MS within) / n₀,   n₀ = (N − Σ nᵢ² / N) / (k − 1)
    ///
    /// - Parameter problems: The variance of one value that other problems would give; taken from what else would look
    ///   like a difference between students.
    package func components(problems: Double? = nil) -> Components {
        let (k, n) = (Double(clusters.count), Double(clusters.joined().count))
        let noise = problems ?? 0
        let grand = clusters.joined().reduce(0, +) / n
        func squares(_ values: [Double], around mean: Double) -> Double {
            values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        }
        let between =
            k > 1
            ? clusters.reduce(0) { sum, values in
                let mean = RepeatedMeasure(values).mean
                return sum + Double(values.count) * (mean - grand) * (mean - grand)
            } / (k - 1) : nil
        guard n > k else {
            return Components(
                teachers: between.map { VarianceComponent($0 - noise) }, students: nil, problems: problems)
        }
        let within =
            clusters.reduce(0) { $0 + squares($1, around: RepeatedMeasure($1).mean) } / (n - k)
        let size = (n - clusters.reduce(0) { $0 + Double($1.count * $1.count) } / n) / (k - 1)
        return Components(
            teachers: between.map { VarianceComponent(($0 - within) / size) },
            students: VarianceComponent(within - noise), problems: problems)
    }
}

/// An estimated part of a variance; an estimate below 0 counts as 0 and says so.
package struct VarianceComponent: Sendable, Hashable {
    package let variance: Double
    package let isBelowZero: Bool

    init(_ estimate: Double) {
        variance = max(0, estimate)
        isBelowZero = estimate < 0
    }

    package var deviation: Double { variance.squareRoot() }
}

/// What so many repeats can tell, in standard deviations of one repeat.
package struct Power: Sendable, Hashable {
    package let repeats: Int
    /// Half of the interval's width.
    package let halfWidth: Double
    /// The effect that is told from none (the interval excludes 0) with the probability asked for.
    package let smallestEffect: Double

    /// - Parameters:
    ///   - repeats: Independent ones, at least 2.
    ///   - probability: In 0.1..<1.
    package init(repeats: Int, confidence: Double = 0.95, probability: Double = 0.8) {
        let student = StudentDistribution(freedom: repeats - 1)
        let bound = student.quantile(confidence: confidence)
        var (low, high) = (0.0, 1.0)
        while student.power(bound: bound, shift: high) < probability, high < 1e6 {
            (low, high) = (high, 2 * high)
        }
        for _ in 0..<30 {
            let middle = (low + high) / 2
            if student.power(bound: bound, shift: middle) < probability {
                low = middle
            } else {
                high = middle
            }
        }
        let root = Double(repeats).squareRoot()
        self.repeats = repeats
        halfWidth = bound / root
        smallestEffect = high / root
    }

    /// 2 to 16 repeats, at 95 % and 80 %.
    package static let table = (2...16).map { Power(repeats: $0) }
}

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
