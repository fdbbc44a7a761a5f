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
