internal import Numerics

/// Methods compared over their sweeps.
///
/// Two kinds of numbers come of a sweep.
/// * **Tokens per forward at fixed accuracies** are read off the whole curve, on all problems: nothing is chosen, so
///   that nothing has to be held back (see ``TPFAtAccuracy/reading(_:target:)``).
/// * **Operating point and AUP** choose settings, so that the even-numbered problems choose and the odd-numbered ones
///   give the number: (a) which settings form the curve (those that no other beats in both speed and accuracy, within
///   the cut-off); (b) the operating point, the fastest setting whose accuracy reaches the target.
///
/// Intervals are percentiles of a bootstrap over problems, the same resamples for all methods, so that effects are
/// paired. The resamples come from counter-based streams: order and threads don't change them.
package struct SweepAnalysis: Sendable {
    /// One method's results.
    package struct Row: Sendable {
        package let label: String
        /// Names of the settings that form the curve.
        package let curve: [String]
        /// Area under the curve, on the reported half.
        package let aup: Measurement
        /// The same with one cut-off for all curves; nil where every setting is below it.
        package let commonAUP: Measurement?
        /// Where settings at the cut-off decide `aup`, and `commonAUP`.
        package let edge: CutoffEdge?
        package let commonEdge: CutoffEdge?
        /// Area under all settings within the bound, on all problems: no choice, no held-out half.
        package let aupOfAll: Double
        /// The chosen setting; nil where none reaches the target on the calibration half.
        package let chosen: String?
        /// The chosen setting on the reported half.
        package let point: CurvePoint?
        /// Tokens per forward of the chosen setting.
        package let tpf: Measurement?
        /// Tokens per forward at each of `accuracies`, on all problems.
        package let speeds: [Speed?]
    }

    /// Tokens per forward at an accuracy.
    package struct Speed: Sendable, Hashable {
        /// The lower end is 0 where more than 2.5 % of resamples don't reach the accuracy, the upper one infinite where
        /// as many reach it with every setting.
        package let tpf: Measurement
        /// The fastest setting is still accurate enough.
        package let isLowerBound: Bool
    }

    /// How a comparison is made.
    package struct Options: Sendable {
        /// Accuracy in percent that an operating point has to reach on the calibration half.
        package var target: Double
        /// Accuracies in percent at which speeds are told, besides those that claims speak of.
        package var accuracies: [Double]
        /// The common cut-off: points below the best accuracy of the table.
        package var commonCutoff: Double
        /// Rounds of the bootstrap.
        package var resamples: Int
        package var seed: UInt64

        package init(
            target: Double, accuracies: [Double] = Self.accuracies, commonCutoff: Double = Self.commonCutoff,
            resamples: Int, seed: UInt64
        ) {
            self.target = target
            self.accuracies = accuracies
            self.commonCutoff = commonCutoff
            self.resamples = resamples
            self.seed = seed
        }

        package static let accuracies: [Double] = [95, 90, 80]
        package static let commonCutoff: Double = 20
    }

    package let rows: [Row]
    package let options: Options
    /// Best accuracy of any point on the reported half; the AUP's y_max.
    package let best: Double
    /// What each measure was in each resample, by the measure.
    private let samples: [MeasureName: [Span]]
    /// The measures themselves; nil where the accuracy isn't reached.
    private let values: [MeasureName: Span?]

    package var target: Double { options.target }

    /// - Parameter measures: that claims speak of; others than the rows' are added.
    package init(_ sweeps: [Sweep], _ options: Options, measures: [MeasureName] = []) throws {
        self.options = options
        let data = try Data(sweeps, options)
        let names = data.names(measures)
        let ones = (
            half: [Double](repeating: 1, count: data.reportedCount),
            all: [Double](repeating: 1, count: data.count)
        )
        let found = try data.measures(names, half: ones.half, all: ones.all)
        best = data.best(ones.half)
        var samples: [MeasureName: [Span]] = [:]
        for round in 0..<options.resamples {
            func weights(_ count: Int, _ purpose: String) -> [Double] {
                var stream = RandomStream(seed: options.seed, purpose: purpose, sample: UInt64(round))
                var weights = [Double](repeating: 0, count: count)
                for _ in 0..<count { weights[stream.nextInt(in: 0..<count)] += 1 }
                return weights
            }
            let resampled = try data.measures(
                names, half: weights(data.reportedCount, "bootstrap"),
                all: weights(data.count, "bootstrap-all"))
            for (name, span) in zip(names, resampled) {
                samples[name, default: []].append(span ?? .notReached)
            }
        }
        self.samples = samples
        let values = Dictionary(zip(names, found), uniquingKeysWith: { first, _ in first })
        self.values = values
        func measurement(_ label: String, _ kind: MeasureName.Kind) -> Measurement? {
            let name = MeasureName(label, kind)
            return values[name].flatMap { $0 }.map { $0.measurement(samples[name] ?? []) }
        }
        let bestOfAll =
            try sweeps.flatMap { try $0.settings.map { try CurvePoint($0.records).accuracy } }.max() ?? 0
        let edges = data.edges(yMax: best)
        rows = try sweeps.indices.map { s in
            let sweep = sweeps[s]
            let label = sweep.label
            let all = try sweep.settings.map { try CurvePoint($0.records) }
            let chosen = data.chosen[s]
            return Row(
                label: label, curve: data.curves[s].map { sweep.settings[$0].name },
                aup: measurement(label, .aup) ?? Measurement(0), commonAUP: measurement(label, .commonAUP),
                edge: edges[s].own, commonEdge: edges[s].common,
                aupOfAll: try AUP.area(all, yMax: max(bestOfAll, 1e-9), mode: .paper),
                chosen: chosen.map { sweep.settings[$0].name },
                point: try chosen.map { try CurvePoint(sweep.settings[$0].records.reportHalf) },
                tpf: measurement(label, .tpf),
                speeds: options.accuracies.map { accuracy in
                    measurement(label, .tpfAt(accuracy: accuracy)).map {
                        Speed(
                            tpf: $0,
                            isLowerBound: values[MeasureName(label, .tpfAt(accuracy: accuracy))]??.isOpen
                                ?? false)
                    }
                })
        }
    }

    /// A measurement; nil where it isn't reached, or is none of the analysis.
    package func measurement(_ name: MeasureName) -> Measurement? {
        values[name].flatMap { $0 }.map { $0.measurement(samples[name] ?? []) }
    }

    /// `left` over `right`, or `left − factor · right`, with its paired interval.
    package func effect(
        _ left: MeasureName, _ right: MeasureName, scale: Effect.Scale, factor: Double = 1
    ) -> EffectResult {
        guard let a = values[left], let b = values[right] else { return .unknown }
        let missing = [(left, a), (right, b)].filter { $0.1 == nil }.map(\.0.text)
        guard let a, let b else { return .notReached(missing) }
        func number(_ left: Double, _ right: Double) -> Double {
            switch scale {
            case .ratio: Elementary.log(left / right)
            case .difference: left - factor * right
            }
        }
        let value = number(a.low, b.low)
        guard value.isFinite else { return .notReached([a.low > 0 ? right.text : left.text]) }
        // A speed that isn't reached is 0 among ratios, and no number to subtract among differences.
        func spans(_ name: MeasureName) -> [Span] {
            let spans = samples[name] ?? []
            guard scale == .difference, name.isRatio else { return spans }
            return spans.map { $0 == .notReached ? Span(-.infinity) : $0 }
        }
        let pairs = zip(spans(left), spans(right))
        // Both out of reach says nothing: such a resample counts for both tails.
        let lower = pairs.map { pair in
            let number = number(pair.0.low, pair.1.high)
            return number.isNaN ? -Double.infinity : number
        }
        let upper = pairs.map { pair in
            let number = number(pair.0.high, pair.1.low)
            return number.isNaN ? Double.infinity : number
        }
        return .found(
            Effect(
                scale, value, interval: Span.interval(lower, upper), isAtLeast: a.isOpen, isAtMost: b.isOpen,
                problemDeviation: Self.deviation(pairs.map { number($0.0.low, $0.1.low) })))
    }

    private static func deviation(_ values: [Double]) -> Double? {
        guard values.count > 1, values.allSatisfy(\.isFinite) else { return nil }
        return RepeatedMeasure(values).deviation
    }

    /// Indices of the settings within 5 points below the slowest that no other setting beats in both measures, by
    /// rising speed.
    static func frontier(_ points: [(tpf: Double, accuracy: Double)]) -> [Int] {
        let order = points.indices.sorted { (points[$0].tpf, $0) < (points[$1].tpf, $1) }
        guard let slowest = order.first else { return [] }
        return frontier(of: order.filter { points[$0].accuracy >= points[slowest].accuracy - 5 }, points)
    }

    /// Those of `kept`, which rise in speed, that no other of them beats in both measures; the slowest stays always.
    static func frontier(of kept: [Int], _ points: [(tpf: Double, accuracy: Double)]) -> [Int] {
        kept.filter { i in
            i == kept.first
                || !kept.contains { j in
                    points[j].tpf >= points[i].tpf && points[j].accuracy >= points[i].accuracy
                        && (points[j].tpf > points[i].tpf || points[j].accuracy > points[i].accuracy)
                }
        }
    }
}

/// What a measure may be: one number, or at least one (`high` infinite), or out of reach (0).
struct Span: Sendable, Hashable {
    let low: Double
    let high: Double

    init(_ value: Double, isOpen: Bool = false) {
        low = value
        high = isOpen ? .infinity : value
    }

    static let notReached = Span(0)

    var isOpen: Bool { high != low }

    /// The value with the central 95 % of the resampled ones.
    func measurement(_ samples: [Span]) -> Measurement {
        let interval = Self.interval(samples.map(\.low), samples.map(\.high))
        return Measurement(
            low, interval: interval.map { $0.lowerBound...(isOpen ? .infinity : $0.upperBound) })
    }

    /// From the 2.5 % quantile of the lower ends to the 97.5 % quantile of the upper ones; nil for under 40 resamples.
    static func interval(_ lower: [Double], _ upper: [Double]) -> ClosedRange<Double>? {
        guard lower.count >= 40 else { return nil }
        let tail = Int(0.025 * Double(lower.count))
        return lower.sorted()[tail]...upper.sorted()[upper.count - 1 - tail]
    }
}

extension SweepAnalysis {
    /// The sweeps as sums, with what was chosen on the calibration half.
    struct Data {
        private let sweeps: [Sweep]
        private let options: Options
        private let calibration: [[HalfSums]]
        private let report: [[HalfSums]]
        private let all: [[HalfSums]]
        /// The settings that form each curve, by its own cut-off and by the common one.
        let curves: [[Int]]
        private let commonCurves: [[Int]]
        /// The operating points.
        let chosen: [Int?]

        init(_ sweeps: [Sweep], _ options: Options) throws {
            let ids = sweeps.first?.settings.first?.records.map(\.id) ?? []
            guard ids.count >= 2 else { throw SweepError.tooFewProblems(ids.count) }
            for sweep in sweeps {
                guard !sweep.settings.isEmpty else { throw SweepError.empty(label: sweep.label) }
                for setting in sweep.settings where setting.records.map(\.id) != ids {
                    throw SweepError.differentProblems(label: sweep.label, setting: setting.name)
                }
            }
            self.sweeps = sweeps
            self.options = options
            calibration = sweeps.map { $0.settings.map { HalfSums($0.records.calibrationHalf) } }
            report = sweeps.map { $0.settings.map { HalfSums($0.records.reportHalf) } }
            all = sweeps.map { $0.settings.map { HalfSums($0.records) } }
            let choosing = Self.halves(calibration)
            curves = choosing.map { SweepAnalysis.frontier($0.points) }
            commonCurves = choosing.map {
                SweepAnalysis.frontier(of: Cutoff.common(offset: options.commonCutoff).members($0), $0.points)
            }
            chosen = try sweeps.map { sweep -> Int? in
                let points = try sweep.settings.map { try CurvePoint($0.records.calibrationHalf) }
                return TPFAtAccuracy.highest(points, target: options.target).flatMap {
                    points.firstIndex(of: $0)
                }
            }
        }

        var reportedCount: Int { report.first?.first?.tokens.count ?? 0 }
        var count: Int { all.first?.first?.tokens.count ?? 0 }

        /// The best accuracy on the reported half.
        func best(_ weights: [Double]) -> Double {
            max(report.joined().map { $0.point(weights).accuracy }.max() ?? 0, 1e-9)
        }

        /// All that rows show and claims speak of, each once.
        func names(_ claimed: [MeasureName]) -> [MeasureName] {
            let shown = sweeps.flatMap { sweep in
                ([.aup, .commonAUP, .tpf, .accuracy] + options.accuracies.map { .tpfAt(accuracy: $0) })
                    .map { MeasureName(sweep.label, $0) }
            }
            var seen = Set<MeasureName>()
            let labels = Set(sweeps.map(\.label))
            return (shown + claimed).filter { labels.contains($0.label) && seen.insert($0).inserted }
        }

        /// The measures with problem i counted so many times; nil where an accuracy isn't reached.
        func measures(_ names: [MeasureName], half: [Double], all weights: [Double]) throws -> [Span?] {
            let points = report.map { $0.map { $0.point(half) } }
            let whole = all.map { $0.map { $0.point(weights) } }
            let best = max(points.joined().map(\.accuracy).max() ?? 0, 1e-9)
            let places = Dictionary(
                sweeps.enumerated().map { ($1.label, $0) }, uniquingKeysWith: { first, _ in first })
            return try names.map { name in
                guard let s = places[name.label] else { return nil }
                func curve(_ members: [Int]) -> (tpf: [Double], accuracy: [Double]) {
                    (members.map { points[s][$0].tpf }, members.map { points[s][$0].accuracy })
                }
                switch name.kind {
                case .aup:
                    let curve = curve(curves[s])
                    return Span(
                        try AUP.area(tpf: curve.tpf, accuracy: curve.accuracy, yMax: best, mode: .paper))
                case .commonAUP:
                    let curve = curve(commonCurves[s])
                    return AUP.area(
                        tpf: curve.tpf, accuracy: curve.accuracy, yMax: best,
                        limit: best - options.commonCutoff
                    ).map { Span($0) }
                case .tpf: return chosen[s].map { Span(points[s][$0].tpf) }
                case .accuracy: return chosen[s].map { Span(points[s][$0].accuracy) }
                case .tpfAt(let accuracy):
                    return TPFAtAccuracy.reading(whole[s], target: accuracy).map {
                        Span($0.tpf, isOpen: $0.isLowerBound)
                    }
                }
            }
        }

        /// Where settings at a cut-off decide an area.
        func edges(yMax: Double) -> [(own: CutoffEdge?, common: CutoffEdge?)] {
            let (choosing, reported) = (Self.halves(calibration), Self.halves(report))
            return sweeps.indices.map { s in
                let names = sweeps[s].settings.map(\.name)
                func edge(_ cutoff: Cutoff) -> CutoffEdge? {
                    cutoff.edge(choosing: choosing[s], reported: reported[s], names: names, yMax: yMax)
                }
                return (edge(.own(offset: 5)), edge(.common(offset: options.commonCutoff)))
            }
        }

        private static func halves(_ curves: [[HalfSums]]) -> [Cutoff.Half] {
            let best = curves.joined().max { $0.correct.reduce(0, +) < $1.correct.reduce(0, +) }
            return curves.map { Cutoff.Half($0, best: best ?? HalfSums([])) }
        }
    }
}
