/// Renders JSON for programs: columns with units, rows of typed cells, notes.
///
/// A cell is a string, a number in full precision, `{"value", "lower", "upper"}`, or `{"missing": reason}`. A
/// number that isn't finite counts as missing, because JSON has no form for it.
package struct JSONTableRenderer: TableRenderer {
    /// A renderer; it has no options.
    package init() {}

    package func render(_ table: Table) -> String {
        let columns = table.columns.map { column in
            "{\"title\": \(Self.quoted(column.title)), \"unit\": \(column.unit.map(Self.quoted) ?? "null")}"
        }
        let rows = table.rows.map { "[" + $0.map(Self.cell).joined(separator: ", ") + "]" }
        return """
            {
              "title": \(table.title.map(Self.quoted) ?? "null"),
              "columns": \(Self.list(columns)),
              "rows": \(Self.list(rows)),
              "notes": \(Self.list(table.notes.map(Self.quoted)))
            }

            """
    }

    private static func cell(_ cell: Table.Cell) -> String {
        switch cell {
        case .text(let text): return quoted(text)
        case .number(let number, _, _): return self.number(number)
        case .interval(let number, let lower, let upper, _):
            guard [number, lower, upper].allSatisfy(\.isFinite) else { return self.number(.nan) }
            return "{\"value\": \(number), \"lower\": \(lower), \"upper\": \(upper)}"
        case .missing(let reason): return "{\"missing\": \(quoted(reason))}"
        }
    }

    private static func number(_ value: Double) -> String {
        value.isFinite ? "\(value)" : "{\"missing\": \"not a finite number\"}"
    }

    private static func list(_ elements: [String]) -> String {
        elements.isEmpty ? "[]" : "[\n    " + elements.joined(separator: ",\n    ") + "\n  ]"
    }

    /// A string as JSON writes it.
    ///
    /// This module knows no documents, so that these few lines are here.
    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\t": result += "\\t"
            case "\r": result += "\\r"
            case _ where scalar.value < 0x20:
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
