internal import Evaluation
internal import JSON
package import Reporting

extension Leaderboard {
    /// The charts, by the name of their file without ending.
    package var figures: [(name: String, chart: Chart)] {
        var figures: [(String, Chart)] = []
        for base in bases {
            for column in base.table.columns {
                figures.append(("curves-\(base.key)-\(column.key)", .lines(curves(base, column))))
            }
            figures.append(("radar-\(base.key)", .radar(radar(base))))
            figures.append(("means-\(base.key)", .bars(means(base))))
        }
        if let speeds { figures.append(("speeds", .bars(speeds))) }
        return figures
    }

    private func methods(_ base: Base) -> [PublishedTable.Row] {
        base.table.rows.filter { !PublishedCurve.isStart($0) }
    }

    private func entry(
        _ base: Base, _ row: PublishedTable.Row, _ column: PublishedTable.Column
    ) -> Entry? {
        entries.first {
            $0.base.key == base.key && $0.row.key == row.key && $0.column.key == column.key
        }
    }

    private func curves(_ base: Base, _ column: PublishedTable.Column) -> LineChart {
        let best = Self.best(base.table, column)
        let series = methods(base).compactMap { row -> LineChart.Series? in
            guard let entry = entry(base, row, column) else { return nil }
            let problems = base.table.benchmark(row, column).flatMap {
                tables.tolerances.problems(of: $0, in: base.table.name)
            }
            return .init(
                row.label,
                points: entry.points.map { point in
                    .init(
                        x: point.tpf, y: point.accuracy,
                        error: problems.map { Self.interval(point.accuracy, of: $0) })
                })
        }
        var chart = LineChart(
            title: "\(column.label), \(base.title)", xTitle: "tokens per forward (published)",
            yTitle: "accuracy (%)", series: series)
        chart.xScale = .logarithmic
        // All curves begin at one token per forward.
        chart.seriesOffset = 4
        chart.annotations = [.level(best, "best \(FixedPoint.text(best, digits: 2))")]
        chart.summary =
            "Accuracy over tokens per forward on a logarithmic axis. Bars: Wilson 95 % intervals for the benchmark's "
            + "number of problems. Last points: "
            + series.compactMap { series in
                series.points.last.map {
                    "\(series.name) \(FixedPoint.text($0.x, digits: 2)) at \(FixedPoint.text($0.y, digits: 1)) %"
                }
            }.joined(separator: ", ") + "."
        return chart
    }

    private static func interval(_ accuracy: Double, of problems: Int) -> ClosedRange<Double> {
        let correct = (accuracy / 100 * Double(problems)).rounded()
        return WilsonInterval(correct: Int(min(max(0, correct), Double(problems))), count: problems).range
    }

    private func radar(_ base: Base) -> RadarChart {
        let columns = base.table.columns
        let rows = methods(base)
        let values = rows.map { row in columns.map { entry(base, row, $0)?.recomputed } }
        let axes = columns.indices.map { index in
            RadarChart.Axis(
                columns[index].label, maximum: values.compactMap { $0[index] }.max() ?? 0)
        }
        var chart = RadarChart(
            title: "AUP on \(base.title), each axis up to its best", axes: axes,
            series: zip(rows, values).map { .init($0.label, $1) })
        chart.summary =
            "Accuracy under parallelism of \(rows.count) methods on \(columns.count) benchmarks; the number at "
            + "each axis is the best method's."
        return chart
    }

    private func means(_ base: Base) -> BarChart {
        let rows = methods(base).compactMap { row in mean(base, row).map { (row.label, $0) } }
            .sorted { $0.1 > $1.1 }
        var chart = BarChart(
            title: "Mean AUP on \(base.title)", axisTitle: "AUP, mean over benchmarks", series: ["AUP"],
            groups: rows.map { .init($0, [.init($1)]) })
        chart.summary = "Mean AUP over the benchmarks, without HumanEval+ and MBPP+, the best method first."
        return chart
    }

    /// Tokens per second, if the table is there.
    private var speeds: BarChart? {
        guard let table = try? tables.table("d3llm-tps") else { return nil }
        var chart = BarChart(
            title: "Published tokens per second on GSM8K-CoT",
            axisTitle: "tokens per second, logarithmic axis",
            scale: .logarithmic, series: table.columns.map(\.label),
            groups: table.rows.map { row in
                .init(
                    row.label,
                    table.columns.map { column in
                        table.number("TPS", row, column).map { .init($0) }
                    })
            })
        chart.summary =
            "Tokens per second of each method on each GPU, as published; nothing of it was measured here."
        return chart
    }
}
