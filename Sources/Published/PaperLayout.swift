internal import JSON
package import Reporting

/// A published table as papers lay it out: a row for each method, and for each benchmark a group of columns.
package struct PaperLayout {
    private let table: PublishedTable
    /// What a run measured for a metric of a cell; nil where the published numbers are shown.
    private let measured: ((String, PublishedTable.Row, PublishedTable.Column) -> Table.Cell)?
    private let address: String?
    /// The methods; where their curves begin isn't a result of its own.
    private let rows: [PublishedTable.Row]
    /// The columns of the layout: those of a benchmark that have a cell.
    private let columns: [(column: PublishedTable.Column, metric: String)]

    /// The published numbers of a table, or what a run measured in their place.
    package init(_ table: PublishedTable, _ run: Reproduction? = nil, tolerances: Tolerances) {
        self.table = table
        let comparer = CellComparer(table: table, run: run, tolerances: tolerances)
        measured = run.map { _ in { comparer.measured($0, $1, $2) } }
        address = run?.address
        let rows = table.rows.filter { !PublishedCurve.isStart($0) }
        self.rows = rows
        columns = table.columns.flatMap { column in
            table.metrics.filter { metric in rows.contains { $0.cells[column.key]?[metric] != nil } }
                .map { (column, $0) }
        }
    }

    /// The digits after the point that a metric is shown with at most.
    static func digits(_ metric: String) -> Int { metric == "AUP" ? 1 : 2 }

    /// The table, with the best of each column standing out.
    package var rendered: Table {
        var result = Table(
            title: measured == nil ? table.title : "\(table.title), measured",
            columns: [.init("Method")]
                + columns.map { column, metric in
                    let heading = MetricName.heading(metric)
                    return .init(
                        heading.title, unit: heading.unit, alignment: .decimal, group: column.label)
                }, notes: notes)
        result.label = table.name
        let groups = self.groups
        for group in groups {
            if let title = group.title, groups.count > 1 { result.begin(group: title) }
            let cells = group.rows.map { row in columns.map { cell($0.metric, row, $0.column) } }
            let best = BestCells(cells, better: columns.map { MetricName.better($0.metric) })
            for (index, row) in group.rows.enumerated() {
                // The first column names the method.
                result.append(
                    [.text(row.label)] + cells[index],
                    emphasis: Set(best.columns(ofRow: index).map { $0 + 1 }))
            }
        }
        return result
    }

    /// Neighbouring rows of one group, from top to bottom.
    private var groups: [(title: String?, rows: [PublishedTable.Row])] {
        var groups: [(title: String?, rows: [PublishedTable.Row])] = []
        for row in rows {
            if let last = groups.last, last.title == row.group {
                groups[groups.count - 1].rows.append(row)
            } else {
                groups.append((row.group, [row]))
            }
        }
        return groups
    }

    private func cell(
        _ metric: String, _ row: PublishedTable.Row, _ column: PublishedTable.Column
    ) -> Table.Cell {
        guard let published = row.cells[column.key]?[metric] else { return .text("—") }
        if let measured { return measured(metric, row, column) }
        guard let number = published.double else { return .text(published.string ?? "—") }
        return .number(number, digits: digits(metric, column))
    }

    /// As many digits as the source has for one of the numbers of the column, as papers write them.
    private func digits(_ metric: String, _ column: PublishedTable.Column) -> Int {
        let numbers = rows.compactMap { table.number(metric, $0, column) }
        return min(numbers.map(TableComparison.digits).max() ?? 0, Self.digits(metric))
    }

    private var notes: [String] {
        var notes = ["Source: \(table.source), \(table.sourceTable)."]
        if let address {
            notes = ["Measured by the run \(address); the rows are those of \(table.sourceTable)."]
        }
        let metrics = Set(columns.map(\.metric))
        let meanings = [
            "TPF": "TPF: tokens per forward.", "AUP": "AUP: accuracy under parallelism.",
            "NFE": "NFE: forward evaluations.",
        ]
        let known = table.metrics.filter(metrics.contains).compactMap { meanings[$0] }
        if !known.isEmpty { notes.append(known.joined(separator: " ")) }
        if measured != nil, columns.contains(where: { $0.metric == "accuracy" }) {
            notes.append("Accuracy with its Wilson 95 % interval.")
        }
        if columns.contains(where: { MetricName.better($0.metric) != nil }) {
            notes.append(
                "\(BestCells.note(of: groups.count > 1 ? "among the methods of a group" : "among all methods"))."
            )
        }
        return notes
    }
}
