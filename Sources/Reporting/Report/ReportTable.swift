/// A table of a page, whose cells may hold links and markup.
///
/// It has a caption, headings with scopes, and scrolls by itself where the window is narrower; on a telephone rows become
/// blocks, for which the roles are written down: browsers forget them otherwise.
package struct ReportTable: Sendable {
    /// A heading, and where the cells below it stand.
    package struct Column: Sendable {
        let title: String
        let isNumeric: Bool
        let hint: String?

        /// - Parameters:
        ///   - isNumeric: Whether the cells are right-aligned.
        ///   - hint: What the heading means, shown when it is pointed at; say it below the table too.
        package init(_ title: String, isNumeric: Bool = false, hint: String? = nil) {
            self.title = title
            self.isNumeric = isNumeric
            self.hint = hint
        }
    }

    /// One row; the first cell is its heading.
    package struct Row: Sendable {
        let id: String?
        let style: String?
        let cells: [HTML]

        /// - Parameters:
        ///   - id: What links lead to.
        ///   - style: A class of the style sheet.
        package init(id: String? = nil, style: String? = nil, _ cells: [HTML]) {
            self.id = id
            self.style = style
            self.cells = cells
        }
    }

    let caption: String
    let columns: [Column]
    /// The rows, from top to bottom.
    package var rows: [Row]
    let notes: [String]

    /// - Parameters:
    ///   - caption: What the table shows, as a phrase.
    ///   - notes: Sentences below it.
    package init(caption: String, columns: [Column], rows: [Row] = [], notes: [String] = []) {
        self.caption = caption
        self.columns = columns
        self.rows = rows
        self.notes = notes
    }

    /// A table that was made without thinking of pages.
    package init(_ table: Table) {
        let text = TableText(table)
        self.init(
            caption: table.title ?? "Table",
            columns: zip(table.columns, text.wholeHeadings).map { column, heading in
                Column(heading, isNumeric: [.right, .decimal].contains(column.alignment))
            },
            rows: text.rows.map { Row($0.map { .text($0) }) }, notes: text.notes)
    }

    /// The table with its notes.
    package var html: HTML {
        .group([
            .element(.div, .class("scroll"), .tabindex(0), .role("region"), .aria("label", caption)) {
                HTML.element(.table, .class("rows"), .role("table")) {
                    HTML.element(.caption, text: caption)
                    HTML.element(.thead, .role("rowgroup")) {
                        HTML.element(.tr, [.role("row")], columns.map(Self.heading))
                    }
                    HTML.element(.tbody, [.role("rowgroup")], rows.map(row))
                }
            },
            notes.isEmpty
                ? .empty : .element(.ul, [.class("notes")], notes.map { .element(.li, text: $0) }),
        ])
    }

    private static func heading(_ column: Column) -> HTML {
        var attributes: [HTMLAttribute] = [.scope("col"), .role("columnheader")]
        if column.isNumeric { attributes.append(.class("number")) }
        if let hint = column.hint { attributes.append(.title(hint)) }
        return .element(.th, attributes, [.text(column.title)])
    }

    private func row(_ row: Row) -> HTML {
        precondition(row.cells.count == columns.count, "a row has one cell for every column")
        // Where the window is narrow each row is a block of its own, whose cells say what they are.
        let attributes =
            [HTMLAttribute.role("row")] + (row.id.map { [HTMLAttribute.id($0)] } ?? [])
            + (row.style.map { [.class($0)] } ?? [])
        let cells = zip(columns, row.cells).enumerated().map { index, pair -> HTML in
            let style: [HTMLAttribute] = pair.0.isNumeric ? [.class("number")] : []
            return index == 0
                ? .element(.th, [.scope("row"), .role("rowheader")] + style, [pair.1])
                : .element(.td, [.role("cell"), .data("label", pair.0.title)] + style, [pair.1])
        }
        return .element(.tr, attributes, cells)
    }
}
