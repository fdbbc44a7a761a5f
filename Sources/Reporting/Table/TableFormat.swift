/// The formats that tables can be written in, by the names that command lines use.
public enum TableFormat: String, Sendable, Hashable, CaseIterable {
    case text
    case markdown
    case csv
    case latex
    case html
    case json

    /// What writes the format; HTML as a whole page.
    package var renderer: any TableRenderer {
        switch self {
        case .text: TextTableRenderer()
        case .markdown: MarkdownTableRenderer()
        case .csv: CSVTableRenderer()
        case .latex: LaTeXTableRenderer()
        case .html: HTMLTableRenderer(isDocument: true)
        case .json: JSONTableRenderer()
        }
    }
}

/// Rows and columns of results, before it is decided what they look like.
package struct Table: Sendable, Hashable {
    /// Where the contents of a column stand.
    package enum Alignment: String, Sendable, Hashable, CaseIterable {
        case left
        case center
        case right
        /// Decimal points below one another, where the renderer can; otherwise right.
        case decimal
    }

    /// What a column holds.
    package struct Column: Sendable, Hashable {
        /// The heading.
        package let title: String
        /// The unit of the column's numbers, such as `%`.
        package let unit: String?
        /// Where the contents stand.
        package let alignment: Alignment

        /// A column with a heading.
        package init(_ title: String, unit: String? = nil, alignment: Alignment = .left) {
            self.title = title
            self.unit = unit
            self.alignment = alignment
        }

        /// The heading with the unit in brackets.
        package var heading: String { unit.map { "\(title) (\($0))" } ?? title }
    }

    /// What stands in one row of one column.
    package enum Cell: Sendable, Hashable {
        /// Words.
        case text(String)
        /// A number, shown with `digits` digits after the point.
        case number(Double, digits: Int, grouped: Bool = false)
        /// A number and the interval it may lie in, all shown with `digits` digits after the point.
        case interval(Double, lower: Double, upper: Double, digits: Int)
        /// Nothing, and why; the reasons are listed below the table.
        case missing(reason: String)
    }

    /// What the table shows, as a phrase.
    package var title: String?
    /// The columns, from left to right.
    package let columns: [Column]
    /// The rows, from top to bottom; each has a cell for every column.
    package private(set) var rows: [[Cell]] = []
    /// Sentences below the table.
    package var notes: [String]

    /// A table without rows.
    package init(title: String? = nil, columns: [Column], notes: [String] = []) {
        precondition(!columns.isEmpty, "a table has at least one column")
        self.title = title
        self.columns = columns
        self.notes = notes
    }

    /// Adds a row at the bottom.
    package mutating func append(_ row: [Cell]) {
        precondition(row.count == columns.count, "a row has one cell for every column")
        rows.append(row)
    }
}

/// Turns a table into text of some format.
package protocol TableRenderer: Sendable {
    /// The text of `table`, ending in a line break.
    func render(_ table: Table) -> String
}

/// The texts of a table's cells as a person reads them, with the reasons of missing cells numbered.
struct TableText {
    let headings: [String]
    let rows: [[String]]
    /// The notes, and then a line for every reason that a cell is missing for.
    let notes: [String]

    init(_ table: Table) {
        var reasons: [String] = []
        headings = table.columns.map(\.heading)
        rows = table.rows.map { row in
            row.map { cell in
                switch cell {
                case .text(let text): return text
                case .number(let number, let digits, let grouped):
                    return FixedPoint.text(number, digits: digits, grouped: grouped)
                case .interval(let number, let lower, let upper, let digits):
                    let ends = [lower, upper].map { FixedPoint.text($0, digits: digits) }
                    return "\(FixedPoint.text(number, digits: digits)) [\(ends[0]), \(ends[1])]"
                case .missing(let reason):
                    let index = reasons.firstIndex(of: reason) ?? reasons.count
                    if index == reasons.count { reasons.append(reason) }
                    return "— (\(index + 1))"
                }
            }
        }
        notes = table.notes + reasons.enumerated().map { "(\($0.offset + 1)) \($0.element)" }
    }
}
