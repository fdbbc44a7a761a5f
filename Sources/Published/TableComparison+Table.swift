internal import Base
internal import JSON
package import Reporting

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
    private static func digits(of value: Double) -> Int {
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
