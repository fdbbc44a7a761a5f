internal import JSON
internal import Measures
internal import Reporting

/// Finds what a run has for a cell of a published table, and judges it.
struct CellComparer {
    let table: PublishedTable
    let run: Reproduction?
    let tolerances: Tolerances

    /// What a run has for a cell.
    private enum Finding {
        case point(Reproduction.Point)
        case notRun(String)
        /// A run has numbers for the stage, but not of the published thing.
        case other(Reproduction.Point?, String)
    }

    /// The entry of one metric; nil where the cell doesn't have it.
    func entry(
        _ metric: String, _ row: PublishedTable.Row, _ column: PublishedTable.Column
    ) -> TableComparison.Entry? {
        guard let published = row.cells[column.key]?[metric] else { return nil }
        func entry(
            _ verdict: Verdict, _ value: Double? = nil, interval: ClosedRange<Double>? = nil,
            _ bounds: Judge.Bounds? = nil, because reason: String? = nil
        ) -> TableComparison.Entry {
            .init(
                row: row, column: column, metric: metric, published: published, reproduced: value,
                interval: interval, tolerance: bounds?.tolerance, noise: bounds?.noise, verdict: verdict,
                reason: reason)
        }
        guard let rule = tolerances.metrics[metric], rule.noise != .machine else {
            let reason = tolerances.metrics[metric]?.reason ?? "no tolerance was written down for \(metric)"
            return entry(.notComparable, because: reason)
        }
        guard let number = published.double else {
            return entry(.notComparable, because: "the source has words, not a number")
        }
        switch find(row, column) {
        case .notRun(let reason): return entry(.notRun, because: reason)
        case .other(let point, let reason):
            return entry(.notComparable, point.flatMap { value(metric, $0) }, because: reason)
        case .point(let point):
            if metric == "TPF", number == 1 {
                return entry(
                    .notComparable, point.tpf,
                    because:
                        "the published 1.0 is nominal (one token per forward by definition), not counted")
            }
            let area = metric == "AUP" ? self.area(row, column) : nil
            if case .failure(let error)? = area { return entry(.notComparable, because: error.description) }
            guard let value = (try? area?.get()) ?? value(metric, point) else {
                return entry(.notRun, because: "evaluations don't measure this")
            }
            let problems = table.benchmark(row, column).flatMap {
                tolerances.problems(of: $0, in: table.name)
            }
            let accuracies = table.number("accuracy", row, column).map { ($0, point.accuracy) }
            let judge = Judge(tolerances: tolerances, problems: problems)
            guard
                let bounds = judge.bounds(
                    metric, published: number, reproduced: value, accuracies: accuracies)
            else { return entry(.notComparable, value, because: "the benchmark's size isn't known") }
            let interval =
                metric == "accuracy"
                ? WilsonInterval(correct: point.correct, count: point.count).range : nil
            return entry(judge.verdict(number, value, bounds), value, interval: interval, bounds)
        }
    }

    /// What the run measured for a metric of a cell, with the Wilson interval of an accuracy; missing where it has
    /// nothing of the published thing, and why.
    func measured(
        _ metric: String, _ row: PublishedTable.Row, _ column: PublishedTable.Column
    ) -> Table.Cell {
        let point: Reproduction.Point
        switch find(row, column) {
        case .notRun(let reason), .other(_, let reason): return .missing(reason: reason)
        case .point(let found): point = found
        }
        let digits = min(PaperLayout.digits(metric), MetricName.digits(metric))
        if metric == "accuracy" {
            let interval = WilsonInterval(correct: point.correct, count: point.count).range
            return .interval(
                point.accuracy, lower: interval.lowerBound, upper: interval.upperBound, digits: digits)
        }
        guard metric == "AUP" else {
            return value(metric, point).map { .number($0, digits: digits) }
                ?? .missing(reason: "evaluations don't measure this")
        }
        switch area(row, column) {
        case .success(let area): return .number(area, digits: digits)
        case .failure(let error): return .missing(reason: error.description)
        }
    }

    private func find(_ row: PublishedTable.Row, _ column: PublishedTable.Column) -> Finding {
        guard let experiment = table.experiment else {
            return .notRun("no experiment computes this table; `d3llm coverage` says why")
        }
        guard let run else {
            return .notRun(
                "no run was given; `d3llm run configs/\(experiment).json` with the weights makes one")
        }
        let stage = table.stage(row, column)
        let point = run.points[stage]
        guard run.experiment == experiment else {
            return .other(
                point, "the run is of the experiment \(run.experiment), not of \(experiment) at full scale")
        }
        guard let point else {
            return .notRun(
                run.missing[stage] ?? "the experiment has no stage for it; `d3llm coverage` says why")
        }
        guard run.overrides.isEmpty else {
            return .other(
                point, "the command line changed the experiment: \(run.overrides.joined(separator: ", "))")
        }
        guard let benchmark = table.benchmark(row, column),
            let problems = tolerances.problems(of: benchmark, in: table.name)
        else { return .other(point, "the benchmark's size isn't known") }
        guard point.count == problems else {
            return .other(point, "the run has \(point.count) problems, \(benchmark) has \(problems)")
        }
        return .point(point)
    }

    private func value(_ metric: String, _ point: Reproduction.Point) -> Double? {
        switch metric {
        case "accuracy": point.accuracy
        case "TPF": point.tpf
        case "NFE", "steps": point.meanNFE
        default: nil
        }
    }

    /// The area of a reproduced curve, with the best accuracy of the column; where a method wasn't run, its published
    /// accuracy counts.
    private func area(
        _ row: PublishedTable.Row, _ column: PublishedTable.Column
    ) -> Result<Double, AreaError> {
        func accuracy(_ row: PublishedTable.Row) -> Double? {
            if case .point(let point) = find(row, column) { return point.accuracy }
            return table.number("accuracy", row, column)
        }
        let best = table.rows.compactMap { accuracy($0) }.max() ?? 0
        let curve = PublishedCurve(table, row, column)
        var points: [(tpf: Double, accuracy: Double)] = []
        for member in curve.rows {
            guard case .point(let point) = find(member, column) else {
                return .failure(AreaError(description: "the curve's point \"\(member.label)\" wasn't run"))
            }
            // Where a curve begins is one token per forward by definition.
            let isNominal = table.number("TPF", member, column) == 1
            points.append((isNominal ? 1 : point.tpf, point.accuracy))
        }
        do {
            return .success(
                try AUP.area(
                    tpf: points.map(\.tpf), accuracy: points.map(\.accuracy), yMax: best, mode: .paper))
        } catch {
            return .failure(AreaError(description: "\(error)"))
        }
    }

    private struct AreaError: Error { let description: String }
}

/// Judges reproduced numbers by the tolerances.
struct Judge {
    let tolerances: Tolerances
    /// The problems of the benchmark in question; nil where the benchmark isn't known.
    let problems: Int?

    /// How far apart two values of a metric may be: to match, and by chance; both in the metric's unit.
    struct Bounds: Hashable {
        let tolerance: Double
        let noise: Double
    }

    /// - Parameters:
    ///   - accuracies: The published and reproduced accuracy in percent of the same cell, for metrics that depend on it.
    /// - Returns: nil where the metric isn't compared at all.
    func bounds(
        _ metric: String, published: Double, reproduced: Double, accuracies: (Double, Double)? = nil
    ) -> Bounds? {
        guard let rule = tolerances.metrics[metric], let problems else { return nil }
        let tolerance =
            switch rule.unit {
            case .points: rule.tolerance
            case .percent: published.magnitude * rule.tolerance / 100
            }
        switch rule.noise {
        case .machine: return nil
        case .binomial:
            return Bounds(
                tolerance: tolerance, noise: Self.noise(published, reproduced, problems: problems))
        case .mean:
            return Bounds(
                tolerance: tolerance, noise: published.magnitude * relativeNoise(rule, problems: problems))
        case .derived(let sensitivity):
            guard let (left, right) = accuracies, left > 0, let speed = tolerances.metrics["TPF"] else {
                return nil
            }
            let ofSpeed = relativeNoise(speed, problems: problems)
            let ofAccuracy = sensitivity * Self.noise(left, right, problems: problems) / left
            let both = (ofSpeed * ofSpeed + ofAccuracy * ofAccuracy).squareRoot()
            return Bounds(tolerance: tolerance, noise: published.magnitude * both)
        }
    }

    func verdict(_ published: Double, _ reproduced: Double, _ bounds: Bounds) -> Verdict {
        let difference = (published - reproduced).magnitude
        // Published numbers have few digits: a difference of exactly the tolerance mustn't fail in the last bit.
        if difference <= bounds.tolerance * (1 + 1e-9) { return .match }
        return difference <= bounds.noise ? .withinNoise : .differs
    }

    private func relativeNoise(_ rule: Tolerances.Rule, problems: Int) -> Double {
        guard case .mean(let variation, let share, let skipped) = rule.noise else { return 0 }
        let counted = max(1, (Double(problems) * share).rounded(.down) - Double(skipped))
        return WilsonInterval.z95 * variation / counted.squareRoot()
    }

    /// Half of the 95 % interval of the difference of two proportions, in percent points, on the side towards zero:
    /// a difference that is smaller can't be told from none (Newcombe 1998, method 10).
    static func noise(_ published: Double, _ reproduced: Double, problems: Int) -> Double {
        func interval(_ percent: Double) -> WilsonInterval {
            let correct = (percent / 100 * Double(problems)).rounded()
            return WilsonInterval(
                correct: Int(min(max(0, correct), Double(problems))), count: problems)
        }
        let (greater, smaller) = (max(published, reproduced), min(published, reproduced))
        let below = greater - interval(greater).lower
        let above = interval(smaller).upper - smaller
        return (below * below + above * above).squareRoot()
    }
}
