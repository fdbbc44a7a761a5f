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
        /// What it shares with its neighbours of the same group, such as a benchmark; nil for a column by itself.
        package let group: String?

        /// A column with a heading.
        package init(
            _ title: String, unit: String? = nil, alignment: Alignment = .left, group: String? = nil
        ) {
            self.title = title
            self.unit = unit
            self.alignment = alignment
            self.group = group
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

    /// Rows that belong together: all from the first one to the next group.
    package struct RowGroup: Sendable, Hashable {
        package let title: String
        /// The place of its first row.
        package let start: Int
    }

    /// What the table shows, as a phrase.
    package var title: String?
    /// What documents refer to it by, such as `d3llm-llada`.
    package var label: String?
    /// The columns, from left to right.
    package let columns: [Column]
    /// The rows, from top to bottom; each has a cell for every column.
    package private(set) var rows: [[Cell]] = []
    /// The columns whose cells stand out, of each row.
    package private(set) var emphasis: [Set<Int>] = []
    /// The groups of rows, from top to bottom.
    package private(set) var rowGroups: [RowGroup] = []
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
    ///
    /// - Parameter emphasis: The columns whose cells stand out, such as the best of a column.
    package mutating func append(_ row: [Cell], emphasis: Set<Int> = []) {
        precondition(row.count == columns.count, "a row has one cell for every column")
        rows.append(row)
        self.emphasis.append(emphasis)
    }

    /// Begins a group of rows; those that are added from here on are in it.
    package mutating func begin(group title: String) {
        rowGroups.append(RowGroup(title: title, start: rows.count))
    }

    /// The neighbouring columns of one group, and single columns, from left to right.
    package var columnGroups: [(title: String?, columns: Range<Int>)] {
        var groups: [(title: String?, columns: Range<Int>)] = []
        for (index, column) in columns.enumerated() {
            if let last = groups.last, let title = last.title, title == column.group {
                groups[groups.count - 1].columns = last.columns.lowerBound..<index + 1
            } else {
                groups.append((column.group, index..<index + 1))
            }
        }
        return groups
    }

    /// Whether columns have groups, so that there are two lines of headings.
    package var hasColumnGroups: Bool { columns.contains { $0.group != nil } }
}

/// Which cells of some rows are the best of their columns: those that tables let stand out.
///
/// Numbers are compared as they are shown, so that two that look the same are both best. A column in which fewer than
/// two rows have a number, or all have the same, has no best one.
package struct BestCells {
    private let places: [Set<Int>]

    /// - Parameter better: For each column which of two numbers is the better one; nil where neither is.
    package init(_ rows: [[Table.Cell]], better: [((Double, Double) -> Bool)?]) {
        var places = [Set<Int>](repeating: [], count: rows.count)
        for (column, better) in better.enumerated() {
            guard let better else { continue }
            let numbers = rows.map { Self.shown($0[column]) }
            let known = numbers.compactMap { $0 }
            guard Set(known).count > 1, let best = known.min(by: better) else { continue }
            for row in rows.indices where numbers[row] == best { places[row].insert(column) }
        }
        self.places = places
    }

    /// The columns in which a row has a best cell.
    package func columns(ofRow row: Int) -> Set<Int> { places[row] }

    /// The rule as a sentence without its point: who is compared.
    package static func note(of whom: String) -> String {
        "In bold, or with a star: the best number of each column \(whom), ties included"
    }

    private static func shown(_ cell: Table.Cell) -> Double? {
        switch cell {
        case .number(let value, let digits, _), .interval(let value, _, _, let digits):
            value.isFinite ? Double(FixedPoint.text(value, digits: digits)) : nil
        case .text, .missing: nil
        }
    }
}

/// Turns a table into text of some format.
package protocol TableRenderer: Sendable {
    /// The text of `table`, ending in a line break.
    func render(_ table: Table) -> String
}

/// The texts of a table's cells as a person reads them, with the reasons of missing cells numbered.
struct TableText {
    /// The columns' own headings, without those of groups.
    let headings: [String]
    /// The headings for formats with one line of them: "GSM8K: TPF".
    let wholeHeadings: [String]
    let rows: [[String]]
    /// The notes, and then a line for every reason that a cell is missing for.
    let notes: [String]

    init(_ table: Table) {
        var reasons: [String] = []
        headings = table.columns.map(\.heading)
        wholeHeadings = table.columns.map { column in
            column.group.map { "\($0): \(column.heading)" } ?? column.heading
        }
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
