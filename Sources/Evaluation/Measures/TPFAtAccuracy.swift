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
