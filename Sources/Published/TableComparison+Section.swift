internal import Evaluation
internal import JSON
package import Reporting

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
