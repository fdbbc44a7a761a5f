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
