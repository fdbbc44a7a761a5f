internal import Numerics

/// Methods compared over their sweeps, with settings chosen on one half of the problems and every reported number
/// taken on the other.
///
/// For each method the even-numbered problems decide (a) which settings form its curve: those that no other setting
/// beats in both speed and accuracy, within the AUP's bound below the slowest; (b) the operating point: the fastest
/// setting whose accuracy reaches the target. TPF, accuracy and AUP of these are then measured on the odd-numbered
/// problems. Intervals are percentiles of a bootstrap over the odd-numbered problems, the same resamples for all
/// methods, so that differences are paired.
package struct SweepAnalysis: Sendable {
    /// One method's results.
    package struct Row: Sendable {
        package let label: String
        /// Names of the settings that form the curve.
        package let curve: [String]
        /// Area under the curve, on the reported half.
        package let aup: Measurement
        /// Area under all settings within the bound, on all problems: no choice, no held-out half.
        package let aupOfAll: Double
        /// The chosen setting; nil where none reaches the target on the calibration half.
        package let chosen: String?
        /// The chosen setting on the reported half.
        package let point: CurvePoint?
        /// Tokens per forward of the chosen setting.
        package let tpf: Measurement?
    }

    package let rows: [Row]
    /// Accuracy in percent that an operating point has to reach on the calibration half.
    package let target: Double
    /// Best accuracy of any point on the reported half; the AUP's y_max.
    package let best: Double
    private let samples: [String: [Double]]

    /// - Parameters:
    ///   - target: accuracy in percent.
    ///   - resamples: rounds of the bootstrap.
    ///   - seed: of the bootstrap.
    package init(_ sweeps: [Sweep], target: Double, resamples: Int, seed: UInt64) throws {
        let halves = try Self.halves(sweeps)
        let count = halves.report.first?.first?.tokens.count ?? 0
        let ones = [Double](repeating: 1, count: count)
        self.target = target

        // Choices, on the calibration half alone.
        let calibration = halves.calibration.map {
            $0.map { $0.point([Double](repeating: 1, count: $0.tokens.count)) }
        }
        let curves = calibration.map(Self.frontier)
        let chosen = try sweeps.map { sweep -> Int? in
            let points = try sweep.settings.map { try CurvePoint($0.records.calibrationHalf) }
            return TPFAtAccuracy.highest(points, target: target).flatMap { points.firstIndex(of: $0) }
        }

        // Measures, on the reported half alone.
        func measures(_ weights: [Double]) throws -> (aup: [Double], tpf: [Double?], best: Double) {
            let points = halves.report.map { $0.map { $0.point(weights) } }
            let best = max(points.joined().map(\.accuracy).max() ?? 0, 1e-9)
            let aup = try zip(points, curves).map { points, curve in
                try AUP.area(
                    tpf: curve.map { points[$0].tpf }, accuracy: curve.map { points[$0].accuracy },
                    yMax: best,
                    mode: .paper)
            }
            return (aup, zip(points, chosen).map { points, chosen in chosen.map { points[$0].tpf } }, best)
        }
        let found = try measures(ones)
        best = found.best
        var samples: [String: [Double]] = [:]
        for round in 0..<resamples {
            var stream = RandomStream(seed: seed, purpose: "bootstrap", sample: UInt64(round))
            var weights = [Double](repeating: 0, count: count)
            for _ in 0..<count { weights[stream.nextInt(in: 0..<count)] += 1 }
            let resampled = try measures(weights)
            for (s, sweep) in sweeps.enumerated() {
                samples["\(sweep.label).aup", default: []].append(resampled.aup[s])
                if let tpf = resampled.tpf[s] { samples["\(sweep.label).tpf", default: []].append(tpf) }
            }
        }
        self.samples = samples

        let bestOfAll =
            try sweeps.flatMap { try $0.settings.map { try CurvePoint($0.records).accuracy } }.max() ?? 0
        rows = try sweeps.indices.map { s in
            let sweep = sweeps[s]
            let all = try sweep.settings.map { try CurvePoint($0.records) }
            return Row(
                label: sweep.label, curve: curves[s].map { sweep.settings[$0].name },
                aup: Measurement(found.aup[s], interval: Self.interval(samples["\(sweep.label).aup"])),
                aupOfAll: try AUP.area(all, yMax: max(bestOfAll, 1e-9), mode: .paper),
                chosen: chosen[s].map { sweep.settings[$0].name },
                point: try chosen[s].map { try CurvePoint(sweep.settings[$0].records.reportHalf) },
                tpf: found.tpf[s].map {
                    Measurement($0, interval: Self.interval(samples["\(sweep.label).tpf"]))
                })
        }
    }

    /// A measurement by name: "label.aup" or "label.tpf" (of the chosen setting).
    package func measurement(_ name: String) -> Measurement? {
        for row in rows {
            if name == "\(row.label).aup" { return row.aup }
            if name == "\(row.label).tpf" { return row.tpf }
        }
        return nil
    }

    /// `left − factor · right` with its paired interval; nil where either is missing.
    package func difference(_ left: String, _ right: String, factor: Double = 1) -> Measurement? {
        guard let a = measurement(left), let b = measurement(right) else { return nil }
        var interval: ClosedRange<Double>?
        if let left = samples[left], let right = samples[right], left.count == right.count {
            interval = Self.interval(zip(left, right).map { $0 - factor * $1 })
        }
        return Measurement(a.value - factor * b.value, interval: interval)
    }

    /// The central 95 % of the resampled values.
    private static func interval(_ values: [Double]?) -> ClosedRange<Double>? {
        guard let sorted = values?.sorted(), sorted.count >= 40 else { return nil }
        let tail = Int(0.025 * Double(sorted.count))
        return sorted[tail]...sorted[sorted.count - 1 - tail]
    }

    /// Indices of the settings within 5 points below the slowest that no other setting beats in both measures, by
    /// rising speed.
    static func frontier(_ points: [(tpf: Double, accuracy: Double)]) -> [Int] {
        let order = points.indices.sorted { (points[$0].tpf, $0) < (points[$1].tpf, $1) }
        guard let slowest = order.first else { return [] }
        let kept = order.filter { points[$0].accuracy >= points[slowest].accuracy - 5 }
        return kept.filter { i in
            i == slowest
                || !kept.contains { j in
                    points[j].tpf >= points[i].tpf && points[j].accuracy >= points[i].accuracy
                        && (points[j].tpf > points[i].tpf || points[j].accuracy > points[i].accuracy)
                }
        }
    }

    private static func halves(
        _ sweeps: [Sweep]
    ) throws -> (calibration: [[HalfSums]], report: [[HalfSums]]) {
        let ids = sweeps.first?.settings.first?.records.map(\.id) ?? []
        guard ids.count >= 2 else { throw SweepError.tooFewProblems(ids.count) }
        for sweep in sweeps {
            guard !sweep.settings.isEmpty else { throw SweepError.empty(label: sweep.label) }
            for setting in sweep.settings where setting.records.map(\.id) != ids {
                throw SweepError.differentProblems(label: sweep.label, setting: setting.name)
            }
        }
        return (
            sweeps.map { $0.settings.map { HalfSums($0.records.calibrationHalf) } },
            sweeps.map { $0.settings.map { HalfSums($0.records.reportHalf) } }
        )
    }
}
