internal import Base

/// Renders comma-separated values (RFC 4180, with line feeds) for programs.
///
/// Numbers are written in full precision, whatever digits they are shown with. A column with intervals becomes
/// three: the value, `<heading> lower` and `<heading> upper`. A missing cell is empty; title and notes are left
/// out.
package struct CSVTableRenderer: TableRenderer {
    /// A renderer; it has no options.
    package init() {}

    package func render(_ table: Table) -> String {
        let hasIntervals = table.columns.indices.map { column in
            table.rows.contains { row in
                if case .interval = row[column] { true } else { false }
            }
        }
        var lines = [
            zip(table.columns, hasIntervals).flatMap { column, triple in
                triple
                    ? [column.heading, "\(column.heading) lower", "\(column.heading) upper"]
                    : [column.heading]
            }
        ]
        for row in table.rows {
            lines.append(zip(row, hasIntervals).flatMap { cell, triple in Self.fields(cell, triple: triple) })
        }
        return lines.map { $0.map(Self.quoted).joined(separator: ",") + "\n" }.joined()
    }

    private static func fields(_ cell: Table.Cell, triple: Bool) -> [String] {
        switch cell {
        case .text(let text): [text] + (triple ? ["", ""] : [])
        case .number(let number, _, _): [self.number(number)] + (triple ? ["", ""] : [])
        case .interval(let number, let lower, let upper, _): [number, lower, upper].map(self.number)
        case .missing: triple ? ["", "", ""] : [""]
        }
    }

    private static func number(_ value: Double) -> String { value.isFinite ? "\(value)" : "" }

    private static func quoted(_ field: String) -> String {
        guard field.utf8.contains(where: { [0x22, 0x2C, 0x0A, 0x0D].contains($0) }) else { return field }
        return "\"" + field.byteText.replacing("\"", with: "\"\"").text + "\""
    }
}
