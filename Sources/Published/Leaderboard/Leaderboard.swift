internal import Files
package import JSON
internal import Measures
package import Reporting
package import SystemPackage

/// The AUP of every method and benchmark of the d3LLM paper, computed again from the published speeds and accuracies.
package struct Leaderboard: Sendable {
    /// One published AUP and what its curve gives.
    package struct Entry: Sendable {
        package let base: Base
        package let row: PublishedTable.Row
        package let column: PublishedTable.Column
        /// The points of the curve, the slowest first: tokens per forward and accuracy in percent.
        package let points: [(tpf: Double, accuracy: Double)]
        /// The AUP of the leaderboard.
        package let published: Double
        /// The AUP of the points.
        package let recomputed: Double

        /// Whether both are the same but for rounding.
        package var agrees: Bool { abs(published - recomputed) <= Leaderboard.rounding }
    }

    /// The methods on one model: they share the best accuracy of each benchmark.
    package struct Base: Sendable {
        /// What files call it, such as `llada`.
        package let key: String
        package let title: String
        /// The table of the speeds and accuracies.
        package let table: PublishedTable
    }

    /// How far apart two values of the same area may be: published ones have four digits after the point at most.
    package static let rounding = 0.006

    /// The table of the published AUP.
    static let tableName = "d3llm-leaderboard"
    private static let bases = [
        ("llada", "LLaDA", "d3llm-llada"), ("dream", "Dream", "d3llm-dream"),
        ("dream-coder", "Dream-Coder", "d3llm-coder"),
    ]

    package let bases: [Base]
    /// Base by base, in each benchmark by benchmark.
    package let entries: [Entry]
    let tables: PublishedTables

    /// Computes all areas again.
    ///
    /// - Throws: `UnknownPublishedNameError` where a table is missing; `LeaderboardError` where the tables don't
    ///   belong together; `AUPError`.
    package init(_ tables: PublishedTables) throws {
        self.tables = tables
        let published = try tables.table(Self.tableName)
        bases = try Self.bases.map { Base(key: $0, title: $1, table: try tables.table($2)) }
        var entries: [Entry] = []
        for base in bases {
            for column in base.table.columns {
                for row in base.table.rows where !PublishedCurve.isStart(row) {
                    guard row.cells[column.key] != nil else { continue }
                    let area = published.row("\(base.key)-\(row.key)")?.cells[column.key]?["AUP"]?.double
                    guard let area else {
                        throw LeaderboardError(
                            "\(Self.tableName) has no AUP of \(base.key)-\(row.key) in \(column.key).")
                    }
                    entries.append(try Self.entry(base, row, column, published: area))
                }
            }
        }
        guard entries.count == published.cellCount else {
            throw LeaderboardError(
                "\(Self.tableName) has \(published.cellCount) areas, but the tables have \(entries.count) curves."
            )
        }
        self.entries = entries
    }

    private static func entry(
        _ base: Base, _ row: PublishedTable.Row, _ column: PublishedTable.Column, published: Double
    ) throws -> Entry {
        let table = base.table
        let points = try PublishedCurve(table, row, column).rows.map { row in
            guard let tpf = table.number("TPF", row, column),
                let accuracy = table.number("accuracy", row, column)
            else {
                throw LeaderboardError("\(table.name) lacks TPF or accuracy of \(row.key) in \(column.key).")
            }
            return (tpf: tpf, accuracy: accuracy)
        }
        let area = try AUP.area(
            tpf: points.map(\.tpf), accuracy: points.map(\.accuracy), yMax: Self.best(table, column))
        return Entry(
            base: base, row: row, column: column, points: points, published: published, recomputed: area)
    }

    /// The best accuracy of any method and point.
    static func best(_ table: PublishedTable, _ column: PublishedTable.Column) -> Double {
        table.rows.compactMap { table.number("accuracy", $0, column) }.max() ?? 0
    }

    /// The mean area of a method over the benchmarks of its base, without the "plus" ones.
    package func mean(_ base: Base, _ row: PublishedTable.Row) -> Double? {
        LeaderboardAverage.intended(
            entries.filter { $0.base.key == base.key && $0.row.key == row.key }
                .map { (task: $0.column.label, area: $0.recomputed) })
    }
}

/// Why the published tables give no leaderboard.
package struct LeaderboardError: Error, Sendable, Hashable, CustomStringConvertible {
    package let description: String

    init(_ description: String) { self.description = description }
}

extension Leaderboard {
    /// Writes the table as text, Markdown and CSV, and the figures as SVG; gives the files' names.
    ///
    /// - Throws: `FileError`.
    package func write(to folder: FilePath) throws -> [String] {
        try FileSystem.createDirectory(folder)
        var names: [String] = []
        func write(_ text: String, _ name: String) throws {
            try FileSystem.writeAtomically(text, to: folder.appending(name))
            names.append(name)
        }
        try write(TableFormat.text.renderer.render(table), "table.txt")
        try write(TableFormat.markdown.renderer.render(table), "table.md")
        try write(TableFormat.csv.renderer.render(table), "table.csv")
        let renderer = SVGChartRenderer(theme: .adaptive)
        for figure in figures { try write(renderer.render(figure.chart), "\(figure.name).svg") }
        return names
    }
}

extension Leaderboard {
    /// How many areas agree, as a sentence.
    package var summary: String {
        let differing = entries.filter { !$0.agrees }
        let names = differing.map { "\($0.row.label) on \($0.column.label)" }.joined(separator: ", ")
        return
            "\(entries.count - differing.count) of \(entries.count) published areas agree with their curves"
            + (differing.isEmpty ? "." : "; \(names) does not.")
    }

    /// All areas: published, computed again, and whether they agree.
    package var table: Table {
        var table = Table(
            title: "Accuracy under parallelism, published and computed again",
            columns: [
                .init("Model"), .init("Benchmark"), .init("Method"), .init("TPF", alignment: .decimal),
                .init("Accuracy", unit: "%", alignment: .decimal),
                .init("Published AUP", alignment: .decimal), .init("Recomputed", alignment: .decimal),
                .init("Difference", alignment: .decimal), .init("Verdict"),
            ],
            notes: [
                summary,
                "Computed from each method's published points with alpha 3, offset 5 and the best accuracy of the "
                    + "benchmark on that model. Agreement is within \(FixedPoint.text(Self.rounding, digits: 3)).",
            ])
        for entry in entries {
            guard let last = entry.points.last else { continue }
            table.append([
                .text(entry.base.title), .text(entry.column.label), .text(entry.row.label),
                .number(last.tpf, digits: 2), .number(last.accuracy, digits: 2),
                .number(entry.published, digits: 2), .number(entry.recomputed, digits: 2),
                .number(entry.recomputed - entry.published, digits: 3),
                .text(entry.agrees ? "agrees" : "differs"),
            ])
        }
        return table
    }

    /// The same for programs.
    package var value: JSONValue {
        [
            "areas": .integer(entries.count), "agree": .integer(entries.count { $0.agrees }),
            "entries": .array(
                entries.map { entry in
                    [
                        "model": .string(entry.base.key), "benchmark": .string(entry.column.key),
                        "method": .string(entry.row.key),
                        "points": .array(
                            entry.points.map { [.number($0.tpf), .number($0.accuracy)] }),
                        "published": .number(entry.published), "recomputed": .number(entry.recomputed),
                        "agrees": .bool(entry.agrees),
                    ]
                }),
        ]
    }
}

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
