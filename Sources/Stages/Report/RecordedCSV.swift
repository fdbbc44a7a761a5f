internal import Files
internal import SystemPackage

/// A table that a stage left as comma-separated values, by column.
struct RecordedCSV {
    /// One row: texts by the names of their columns.
    struct Row {
        fileprivate let fields: [String: String]

        /// The text of a column; nil where it is empty or there is no such column.
        subscript(column: String) -> String? { fields[column].flatMap { $0.isEmpty ? nil : $0 } }

        /// The number of a column.
        func number(_ column: String) -> Double? { self[column].flatMap(Double.init) }

        /// The number of a column with its interval.
        func interval(_ column: String) -> ReportInterval? {
            guard let value = number(column), value.isFinite else { return nil }
            // An end that isn't bounded is empty.
            let ends = (number("\(column) lower"), number("\(column) upper"))
            guard ends.0 != nil || ends.1 != nil else { return ReportInterval(value: value, range: nil) }
            let (lower, upper) = (ends.0 ?? -.infinity, ends.1 ?? .infinity)
            guard lower <= upper else { return ReportInterval(value: value, range: nil) }
            return ReportInterval(value: value, range: lower...upper)
        }
    }

    /// The names of the columns, in their order.
    let columns: [String]
    let rows: [Row]

    /// - Throws: ``DamagedFileError`` when a row has more or fewer fields than there are columns; `FileError`.
    init(_ path: FilePath) throws {
        let lines = Self.parse(try FileSystem.readText(path))
        guard let columns = lines.first else { throw DamagedFileError(path, "it has no columns.") }
        self.columns = columns
        rows = try lines.dropFirst().enumerated().map { index, fields in
            guard fields.count == columns.count else {
                throw DamagedFileError(
                    path, line: index + 2,
                    "this row has \(fields.count) fields, but there are \(columns.count) columns.")
            }
            return Row(fields: Dictionary(zip(columns, fields), uniquingKeysWith: { first, _ in first }))
        }
    }

    /// Fields in quotes may hold commas, line feeds and doubled quotes (RFC 4180).
    private static func parse(_ text: String) -> [[String]] {
        var rows: [[String]] = []
        var row: [String] = []
        var field = ""
        var isQuoted = false
        var rest = text.unicodeScalars[...]
        while let scalar = rest.popFirst() {
            switch scalar {
            case "\"" where isQuoted && rest.first == "\"":
                rest.removeFirst()
                field.unicodeScalars.append(scalar)
            case "\"": isQuoted.toggle()
            case "," where !isQuoted:
                row.append(field)
                field = ""
            case "\n" where !isQuoted:
                rows.append(row + [field])
                (row, field) = ([], "")
            default: field.unicodeScalars.append(scalar)
            }
        }
        if !row.isEmpty || !field.isEmpty { rows.append(row + [field]) }
        return rows
    }
}

/// A number with what it may lie in.
struct ReportInterval: Hashable {
    let value: Double
    let range: ClosedRange<Double>?
}
