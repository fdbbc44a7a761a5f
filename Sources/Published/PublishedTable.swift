package import JSON

/// One table of published numbers: rows and columns with stable keys, and the metrics of each cell.
///
/// It is read from a file of `configs/published`, which says where the numbers come from.
package struct PublishedTable: Sendable, Hashable {
    /// What kind of source the numbers have.
    package enum Role: String, Sendable, Hashable, CaseIterable {
        /// A table of the authors.
        case table
        /// A figure, or the data of one.
        case figure
        /// Values that the authors replaced later.
        case superseded
        /// A value that contradicts another one of the same authors.
        case conflict
        /// Somebody quotes the authors.
        case secondHand = "second-hand"
        /// Somebody else measured.
        case thirdParty = "third-party"
        /// Prose without a table.
        case statement
    }

    /// One column: mostly a benchmark, sometimes a machine.
    package struct Column: Sendable, Hashable {
        package let key: String
        package let label: String
        /// What holds for all its cells, such as the number of examples in the prompt.
        package let attributes: JSONObject
    }

    /// One row: a method, possibly with a setting.
    package struct Row: Sendable, Hashable {
        package let key: String
        package let label: String
        /// What holds for all its cells.
        package let attributes: JSONObject
        /// By the column's key, the metrics and what else holds for this cell alone.
        package let cells: [String: JSONObject]
    }

    /// The file's name without ending; what commands call the table.
    package let name: String
    package let title: String
    /// The work that it belongs to, such as `d3LLM`.
    package let work: String
    package let role: Role
    /// The document that the numbers were read from.
    package let source: String
    /// What the table is called there.
    package let sourceTable: String
    /// The experiment that computes these numbers, such as `paper/d3llm-llada`; nil where none does.
    package let experiment: String?
    /// The keys of cells that are results, in the order in which they are shown.
    package let metrics: [String]
    /// What holds for all cells.
    package let attributes: JSONObject
    package let columns: [Column]
    package let rows: [Row]

    /// The row of this key.
    package func row(_ key: String) -> Row? { rows.first { $0.key == key } }

    /// Everything that is known of a cell: attributes of the table, the column and the row, then the cell's own.
    ///
    /// Nil where the cell is empty.
    package func record(_ row: Row, _ column: Column) -> JSONObject? {
        guard let cell = row.cells[column.key] else { return nil }
        var record = attributes
        for part in [column.attributes, row.attributes, cell] {
            for member in part.members { record[member.key] = member.value }
        }
        record["table"] = .string(sourceTable)
        record["source"] = .string(source)
        return record
    }

    /// A published number; nil where there is none or where the source has words.
    package func number(_ metric: String, _ row: Row, _ column: Column) -> Double? {
        row.cells[column.key]?[metric]?.double
    }

    /// The benchmark that a cell is about.
    package func benchmark(_ row: Row, _ column: Column) -> String? {
        record(row, column)?["benchmark"]?.string
    }

    /// The stage whose numbers reproduce a cell, in the table's ``experiment``.
    package func stage(_ row: Row, _ column: Column) -> String { "\(row.key)-\(column.key)" }

    /// How many cells there are; each is one row of the sources.
    package var cellCount: Int { rows.reduce(0) { $0 + $1.cells.count } }
}
