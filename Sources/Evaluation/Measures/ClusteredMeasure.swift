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
