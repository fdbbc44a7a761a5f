package import ArtifactStore
internal import Base
package import JSON
internal import Measures
package import Reporting

/// The numbers of a published table beside those of a run, each with its verdict.
package struct TableComparison: Sendable {
    /// One metric of one cell.
    package struct Entry: Sendable {
        package let row: PublishedTable.Row
        package let column: PublishedTable.Column
        package let metric: String
        /// A number, or words where the source has words.
        package let published: JSONValue
        /// Nil where nothing was computed.
        package let reproduced: Double?
        /// The Wilson interval of a reproduced accuracy.
        package let interval: ClosedRange<Double>?
        /// How far they may be apart to match, in the metric's unit; nil where they aren't compared.
        package let tolerance: Double?
        /// How far they may be apart by chance; nil where they aren't compared.
        package let noise: Double?
        package let verdict: Verdict
        /// Why there is no number or no comparison.
        package let reason: String?

        /// Reproduced less published.
        package var difference: Double? {
            guard let reproduced, let number = published.double else { return nil }
            return reproduced - number
        }
    }

    package let table: PublishedTable
    /// The address of the run; nil where none was given.
    package let run: String?
    /// Column by column, in each row by row.
    package let entries: [Entry]

    /// Compares a table with a run, or with nothing.
    package init(_ table: PublishedTable, _ run: Reproduction?, tolerances: Tolerances) {
        self.table = table
        self.run = run?.address
        let comparer = CellComparer(table: table, run: run, tolerances: tolerances)
        entries = table.columns.flatMap { column in
            table.rows.flatMap { row in
                table.metrics.compactMap { comparer.entry($0, row, column) }
            }
        }
    }

    /// How many entries have a verdict.
    package func count(_ verdict: Verdict) -> Int { entries.count { $0.verdict == verdict } }

    /// All verdicts with their counts, as a phrase: `12 match, 3 not run`.
    package var summary: String {
        Verdict.allCases.filter { count($0) > 0 }.map { "\(count($0)) \($0.rawValue)" }
            .joined(separator: ", ")
    }
}

extension TableComparison {
    /// For programs: every entry with its keys, and the counts of the verdicts.
    package var value: JSONValue {
        func optional(_ number: Double?) -> JSONValue { number.map { .number($0) } ?? .null }
        return [
            "table": .string(table.name), "title": .string(table.title), "source": .string(table.source),
            "experiment": table.experiment.map(JSONValue.string) ?? .null,
            "run": run.map(JSONValue.string) ?? .null,
            "verdicts": .object(
                JSONObject(Verdict.allCases.map { ($0.rawValue, .integer(count($0))) })),
            "entries": .array(
                entries.map { entry in
                    [
                        "row": .string(entry.row.key), "column": .string(entry.column.key),
                        "metric": .string(entry.metric), "published": entry.published,
                        "reproduced": optional(entry.reproduced),
                        "interval": entry.interval.map {
                            [.number($0.lowerBound), .number($0.upperBound)]
                        } ?? .null,
                        "difference": optional(entry.difference), "tolerance": optional(entry.tolerance),
                        "noise": optional(entry.noise), "verdict": .string(entry.verdict.rawValue),
                        "reason": entry.reason.map(JSONValue.string) ?? .null,
                    ]
                }),
        ]
    }
}

extension TableComparison {
    /// The comparison as part of a run's report: the verdicts, a chart per benchmark that has numbers, the table.
    package func section(of run: Reproduction) -> ReportSection {
        ReportSection("published-\(table.name)", "Beside the published numbers of \(table.name)") {
            HTML.paragraph(
                "Of \(entries.count) published numbers: \(summary). Tolerances were written down beforehand, in configs/published/tolerances.json; d3llm table \(table.name) shows the same."
            )
            HTML.group(
                table.columns.compactMap { column in
                    chart(column, run).map {
                        .figure($0, width: 680, height: 440, caption: caption(column))
                    }
                })
            ReportTable(rendered).html
        }
    }

    /// Accuracy over tokens per forward of one column: what was published in outlines, what was measured filled.
    ///
    /// - Returns: nil where the run has nothing for the column.
    func chart(_ column: PublishedTable.Column, _ run: Reproduction) -> LineChart? {
        let methods = table.rows.filter { !PublishedCurve.isStart($0) && $0.cells[column.key] != nil }
        var series: [LineChart.Series] = []
        for (style, row) in methods.enumerated() {
            let rows = PublishedCurve(table, row, column).rows
            let published = rows.compactMap { row -> LineChart.Point? in
                guard let tpf = table.number("TPF", row, column),
                    let accuracy = table.number("accuracy", row, column)
                else { return nil }
                return .init(x: tpf, y: accuracy)
            }
            let measured = rows.compactMap { run.points[table.stage($0, column)] }.map { point in
                LineChart.Point(
                    x: point.tpf, y: point.accuracy,
                    error: WilsonInterval(correct: point.correct, count: point.count).range)
            }
            if !published.isEmpty {
                series.append(
                    .init("\(row.label), published", points: published, style: style, isHollow: true))
            }
            if !measured.isEmpty { series.append(.init(row.label, points: measured, style: style)) }
        }
        guard series.contains(where: { !$0.isHollow }) else { return nil }
        var chart = LineChart(
            title: column.label, xTitle: "tokens per forward", yTitle: "accuracy (%)", series: series)
        chart.xScale = .logarithmic
        chart.summary =
            "Accuracy over tokens per forward on a logarithmic axis; published points beside those of this run."
        return chart
    }

    /// What the chart of a column shows, and why its points may not be compared.
    private func caption(_ column: PublishedTable.Column) -> String {
        var reasons: [String] = []
        for entry in entries
        where entry.column.key == column.key && entry.verdict == .notComparable && entry.reproduced != nil {
            if let reason = entry.reason, !reasons.contains(reason) { reasons.append(reason) }
        }
        let note = reasons.isEmpty ? "" : " Not comparable: \(reasons.joined(separator: "; "))."
        return
            "\(column.label): filled is what this run measured, with Wilson 95 % intervals; outlines and dashes are published.\(note)"
    }
}

extension TableComparison {
    /// The comparison as a table, without saying what it looks like.
    package var rendered: Table {
        let hasShots = entries.contains { shots($0) != nil }
        var table = Table(
            title: self.table.title,
            columns: [.init("Column")] + (hasShots ? [.init("Shots", alignment: .right)] : [])
                + [
                    .init("Row"), .init("Metric"), .init("Published", alignment: .decimal),
                    .init("Reproduced", alignment: .decimal), .init("Difference", alignment: .decimal),
                    .init("Tolerance", alignment: .decimal), .init("Noise", alignment: .decimal),
                    .init("Verdict"),
                ],
            notes: notes)
        for entry in entries {
            table.append(
                [.text(entry.column.label)] + (hasShots ? [.text(shots(entry) ?? "")] : []) + cells(entry))
        }
        return table
    }

    private func cells(_ entry: Entry) -> [Table.Cell] {
        let digits = MetricName.digits(entry.metric)
        func number(_ value: Double?) -> Table.Cell {
            value.map { .number($0, digits: digits) } ?? .text("")
        }
        let published: Table.Cell =
            entry.published.double.map { .number($0, digits: Self.digits(of: $0)) }
            ?? .text(entry.published.string ?? "")
        let reproduced: Table.Cell
        switch (entry.reproduced, entry.interval) {
        case (let value?, let interval?):
            reproduced = .interval(
                value, lower: interval.lowerBound, upper: interval.upperBound, digits: digits)
        case (let value?, nil): reproduced = .number(value, digits: digits)
        case (nil, _): reproduced = .missing(reason: entry.reason ?? "there is no number")
        }
        return [
            .text(entry.row.label), .text(MetricName.label(entry.metric)), published, reproduced,
            number(entry.difference), number(entry.tolerance), number(entry.noise),
            .text(entry.verdict.rawValue),
        ]
    }

    private func shots(_ entry: Entry) -> String? {
        table.record(entry.row, entry.column)?["fewshot"]?.int.map { "\($0)" }
    }

    /// As many digits after the point as the source has, at most four.
    static func digits(of value: Double) -> Int {
        (0...3).first { digits in
            FixedPoint.text(value, digits: digits) == FixedPoint.text(value, digits: 4).trimmed(to: digits)
        } ?? 4
    }

    private var notes: [String] {
        var notes = ["Source: \(table.source), \(table.sourceTable)."]
        if let experiment = table.experiment { notes.append("Experiment: configs/\(experiment).json.") }
        notes.append("Run: \(run ?? "none").")
        notes.append("Verdicts: \(summary).")
        // Numbers that aren't compared stay visible, and so does why.
        var seen: Set<String> = []
        for entry in entries where entry.reproduced != nil {
            if let reason = entry.reason, seen.insert(reason).inserted {
                notes.append("Not comparable: \(reason).")
            }
        }
        for entry in entries {
            if let note = table.record(entry.row, entry.column)?["notes"]?.string, seen.insert(note).inserted
            {
                notes.append("\(entry.column.label): \(note)")
            }
        }
        return notes
    }
}

extension String {
    /// The text of a number with four digits after the point, cut to fewer if only zeros are lost.
    fileprivate func trimmed(to digits: Int) -> String {
        let zeros = 4 - digits
        guard let cut = byteText.dropping(suffix: String(repeating: "0", count: zeros).byteText) else {
            return self
        }
        return cut.dropping(suffix: ".")?.text ?? cut.text
    }
}

/// What metrics are called in tables.
enum MetricName {
    static func label(_ metric: String) -> String {
        switch metric {
        case "accuracy": "accuracy (%)"
        case "accuracy_at_TPF1": "accuracy at TPF 1 (%)"
        case "TPS": "tokens/s"
        case "latency_s": "latency (s)"
        case "speedup": "speedup (x)"
        case "gen_length": "tokens generated"
        default: metric
        }
    }

    /// The digits that a computed number is shown with.
    static func digits(_ metric: String) -> Int { metric == "NFE" || metric == "steps" ? 1 : 2 }

    /// The heading below that of a benchmark, and the unit.
    static func heading(_ metric: String) -> (title: String, unit: String?) {
        switch metric {
        case "accuracy": ("Acc.", "%")
        case "accuracy_at_TPF1": ("Acc. at TPF 1", "%")
        case "latency_s": ("Latency", "s")
        case "speedup": ("Speedup", "x")
        case "gen_length": ("Tokens", nil)
        case "steps": ("Steps", nil)
        case "gain": ("Gain", nil)
        default: (label(metric), nil)
        }
    }

    /// Which of two numbers is the better one; nil where neither is.
    static func better(_ metric: String) -> ((Double, Double) -> Bool)? {
        switch metric {
        case "accuracy", "accuracy_at_TPF1", "TPF", "AUP", "TPS", "speedup": (>)
        case "NFE", "steps", "latency_s": (<)
        default: nil
        }
    }
}

/// What one run of an experiment measured, by stage.
package struct Reproduction: Sendable {
    /// What an evaluation gave.
    package struct Point: Sendable, Hashable {
        /// Tokens per forward over all problems.
        package let tpf: Double
        /// Right answers in percent.
        package let accuracy: Double
        package let correct: Int
        /// Problems.
        package let count: Int
        /// Forward evaluations per problem.
        package let meanNFE: Double
    }

    /// The experiment's name.
    package let experiment: String
    /// The run's address in its store.
    package let address: String
    /// What the command line changed in the configuration.
    package let overrides: [String]
    /// The evaluations that the run has, by the stage's full name.
    package let points: [String: Point]
    /// Why stages have no numbers: failed, skipped, or no longer in the store.
    package let missing: [String: String]

    /// A run of the given parts.
    package init(
        experiment: String, address: String, overrides: [String] = [], points: [String: Point],
        missing: [String: String] = [:]
    ) {
        self.experiment = experiment
        self.address = address
        self.overrides = overrides
        self.points = points
        self.missing = missing
    }

    /// The evaluations of a recorded run.
    ///
    /// - Throws: `StoreError` when an artifact isn't whole; `FileError`.
    package init(_ location: RunLocation) throws {
        var points: [String: Point] = [:]
        var missing: [String: String] = [:]
        for entry in location.record.stages {
            switch entry.status {
            case .failed:
                missing[entry.stage] = "the stage failed: \(entry.message ?? "no reason is recorded")"
            case .skipped: missing[entry.stage] = "the stage was skipped"
            case .cached, .made:
                guard let artifact = try location.store.artifact(of: entry) else {
                    missing[entry.stage] = "the artifact isn't in the store any more"
                    continue
                }
                points[entry.stage] = Point(artifact.record.metrics)
            }
        }
        self.init(
            experiment: location.record.experiment, address: location.address,
            overrides: location.record.config?.overrides ?? [], points: points, missing: missing)
    }
}

extension Reproduction.Point {
    /// The numbers of an evaluation's artifact; nil where the metrics are those of another kind of stage.
    init?(_ metrics: JSONValue) {
        guard let tpf = metrics["tpf"]?.double, let accuracy = metrics["accuracy"]?.double,
            let correct = metrics["correct"]?.int, let count = metrics["n"]?.int, count > 0,
            (0...count).contains(correct), let nfe = metrics["nfe"]?.double
        else { return nil }
        self.init(
            tpf: tpf, accuracy: accuracy, correct: correct, count: count, meanNFE: nfe / Double(count))
    }
}
