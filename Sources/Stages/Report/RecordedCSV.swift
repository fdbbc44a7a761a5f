internal import Base
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
        let records: [(values: [String], line: Int)]
        let text = try FileSystem.readText(path)
        do throws(SeparatedValues.Problem) {
            records = try SeparatedValues.records(text)
        } catch {
            throw DamagedFileError(path, line: error.line, error.reason)
        }
        guard let columns = records.first?.values else { throw DamagedFileError(path, "it has no columns.") }
        self.columns = columns
        rows = try records.dropFirst().map { fields, line in
            guard fields.count == columns.count else {
                throw DamagedFileError(
                    path, line: line,
                    "this row has \(fields.count) fields, but there are \(columns.count) columns.")
            }
            return Row(fields: Dictionary(zip(columns, fields), uniquingKeysWith: { first, _ in first }))
        }
    }
}

/// A number with what it may lie in.
struct ReportInterval: Hashable {
    let value: Double
    let range: ClosedRange<Double>?
}
