/// The speed that a method reaches without falling below a target accuracy.
package enum TPFAtAccuracy {
    /// The fastest measured point whose accuracy is at least `target` percent, or nil if there is none.
    ///
    /// Of points with the same speed the more accurate one is taken.
    package static func highest(_ points: [CurvePoint], target: Double) -> CurvePoint? {
        points.filter { $0.accuracy >= target }.max { ($0.tpf, $0.accuracy) < ($1.tpf, $1.accuracy) }
    }

    /// The highest speed at which the line through the measured points is at least `target` percent accurate.
    ///
    /// The points are ordered by speed and joined by straight lines, as a plot of the curve shows them. Where the
    /// line crosses the target between two points, the crossing counts. Nothing is extrapolated: if the fastest
    /// point is accurate enough its speed is the result. The value is never below that of `highest`, and unlike
    /// it, it doesn't jump when one sample moves a point across the target.
    /// - Returns: tokens per forward, or nil if no point reaches the target.
    package static func interpolated(_ points: [CurvePoint], target: Double) -> Double? {
        reading(points.map { ($0.tpf, $0.accuracy) }, target: target)?.tpf
    }

    /// What a curve says of the speed at an accuracy.
    package struct Reading: Sendable, Hashable {
        /// Tokens per forward.
        package let tpf: Double
        /// Whether the fastest setting that was measured is still accurate enough: the method may be faster than that.
        package let isLowerBound: Bool

        package init(tpf: Double, isLowerBound: Bool) {
            self.tpf = tpf
            self.isLowerBound = isLowerBound
        }
    }

    /// The value of ``interpolated(_:target:)``, and whether the grid of settings ended before the curve crossed the
    /// target; nil where no point reaches it.
    ///
    /// A method without a setting to turn has one point and no grid that could have gone on: its speed is its speed.
    package static func reading(_ points: [(tpf: Double, accuracy: Double)], target: Double) -> Reading? {
        let sorted = points.sorted { ($0.tpf, $1.accuracy) < ($1.tpf, $0.accuracy) }
        guard let last = sorted.lastIndex(where: { $0.accuracy >= target }) else { return nil }
        let inside = sorted[last]
        guard last + 1 < sorted.count else {
            return Reading(tpf: inside.tpf, isLowerBound: sorted.count > 1)
        }
        let outside = sorted[last + 1]
        let share = (inside.accuracy - target) / (inside.accuracy - outside.accuracy)
        return Reading(tpf: inside.tpf + share * (outside.tpf - inside.tpf), isLowerBound: false)
    }
}

/// A setting chosen on one half of the samples and reported on the other.
///
/// Choosing and reporting on the same samples favours the luckiest setting of a sweep; the two halves don't share
/// a sample, so the reported point is free of that.
package struct ThresholdChoice: Sendable, Hashable {
    /// The chosen setting, such as an entropy threshold.
    package let setting: Double
    /// What the choice was based on: the even-numbered samples.
    package let calibration: CurvePoint
    /// What is to be reported: the odd-numbered samples.
    package let report: CurvePoint

    /// Takes the setting with the highest tokens per forward among those that reach `target` percent on the
    /// calibration half; of equally fast ones the most accurate, then the first.
    ///
    /// - Parameters:
    ///   - sweep: for each setting the records of the same samples in the same order.
    ///   - target: the accuracy in percent that the calibration half must reach.
    /// - Returns: nil if no setting reaches the target.
    /// - Throws: `MeasureError` when a half of some setting has no samples or no forwards.
    package init?(sweep: [(setting: Double, records: [SampleRecord])], target: Double) throws(MeasureError) {
        var best: (setting: Double, point: CurvePoint, records: [SampleRecord])?
        for entry in sweep {
            let point = try CurvePoint(entry.records.calibrationHalf)
            guard point.accuracy >= target else { continue }
            if let known = best, (known.point.tpf, known.point.accuracy) >= (point.tpf, point.accuracy) {
                continue
            }
            best = (entry.setting, point, entry.records)
        }
        guard let best else { return nil }
        setting = best.setting
        calibration = best.point
        report = try CurvePoint(best.records.reportHalf)
    }
}

/// A curve whose area hangs on settings that lie at its cut-off.
package struct CutoffEdge: Sendable, Hashable {
    /// The settings within one standard error of the cut-off.
    package let settings: [String]
    /// The area without them and with them.
    package let without: Double
    package let with: Double
}

/// The cut-off of a curve: what accuracy a setting needs in order to count.
enum Cutoff: Sendable {
    /// So many points below the curve's own slowest setting, which counts always: upstream's rule.
    case own(offset: Double)
    /// So many points below the best accuracy of the table, on the half in question.
    case common(offset: Double)
}

extension Cutoff {
    /// A half of the problems, as the rule needs it.
    struct Half {
        let settings: [HalfSums]
        let points: [(tpf: Double, accuracy: Double)]
        /// The most accurate setting of the table.
        let best: HalfSums

        init(_ settings: [HalfSums], best: HalfSums) {
            self.settings = settings
            points = settings.map { $0.point([Double](repeating: 1, count: $0.tokens.count)) }
            self.best = best
        }

        /// The standard error of the difference in accuracy between a setting and another on the same problems.
        static func error(_ one: HalfSums, _ other: HalfSums) -> Double {
            let n = Double(one.correct.count)
            guard n > 1 else { return 0 }
            let differences = zip(one.correct, other.correct).map { $0 - $1 }
            let mean = differences.reduce(0, +) / n
            let variance = differences.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / (n - 1)
            return (variance / n).squareRoot()
        }
    }

    /// The settings that count, by rising speed; each may be moved by so many of its standard errors.
    func members(_ half: Half, among settings: Set<Int>? = nil, movedBy errors: Double = 0) -> [Int] {
        let order = (settings.map(Array.init) ?? Array(half.points.indices)).sorted {
            (half.points[$0].tpf, $0) < (half.points[$1].tpf, $1)
        }
        guard let slowest = order.first else { return [] }
        switch self {
        case .own(let offset):
            let limit = half.points[slowest].accuracy - offset
            return order.filter { i in
                i == slowest
                    || half.points[i].accuracy
                        + (errors == 0 ? 0 : errors * Half.error(half.settings[i], half.settings[slowest]))
                        >= limit
            }
        case .common(let offset):
            let best = half.best.point([Double](repeating: 1, count: half.best.tokens.count)).accuracy
            return order.filter { i in
                half.points[i].accuracy
                    + (errors == 0 ? 0 : errors * Half.error(half.settings[i], half.best)) >= best - offset
            }
        }
    }

    /// Whether settings at the cut-off decide the area, and between which values.
    ///
    /// Membership is decided twice: on the half for choosing (with the frontier) and on the reported one. Both are
    /// taken one standard error to either side; areas that are the same rounded to whole numbers are no edge.
    func edge(choosing: Half, reported: Half, names: [String], yMax: Double) -> CutoffEdge? {
        func curve(_ errors: Double) -> [Int] {
            let chosen = Set(SweepAnalysis.frontier(of: members(choosing, movedBy: errors), choosing.points))
            return members(reported, among: chosen, movedBy: errors)
        }
        let (with, without) = (curve(1), curve(-1))
        let settings = Set(with).symmetricDifference(without).sorted()
        guard !settings.isEmpty else { return nil }
        func area(_ curve: [Int]) -> Double {
            guard let first = curve.first else { return 0 }
            return AUP.area(
                of: curve, beginning: first, tpf: reported.points.map(\.tpf),
                accuracy: reported.points.map(\.accuracy), yMax: yMax)
        }
        let areas = (area(without), area(with))
        guard areas.0.rounded() != areas.1.rounded() else { return nil }
        return CutoffEdge(settings: settings.map { names[$0] }, without: areas.0, with: areas.1)
    }
}
