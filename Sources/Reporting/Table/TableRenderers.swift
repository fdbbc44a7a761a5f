internal import Base

/// Renders for terminals: padded columns, two spaces apart, with a rule below the headings.
///
/// Cells that stand out have a star behind them.
package struct TextTableRenderer: TableRenderer {
    /// A renderer; it has no options.
    package init() {}

    package func render(_ table: Table) -> String {
        let text = TableText(table)
        func column(_ index: Int, minimum: Int = 0) -> TextColumn {
            TextColumn(
                heading: Self.oneLine(text.headings[index]),
                cells: text.rows.indices.map { row in
                    Self.oneLine(text.rows[row][index]) + (table.emphasis[row].contains(index) ? "*" : "")
                }, alignment: table.columns[index].alignment, minimum: minimum)
        }
        var columns = table.columns.indices.map { column($0) }
        var lines: [String] = []
        if let title = table.title { lines += [title.visible, ""] }
        if table.hasColumnGroups {
            lines.append(
                Self.join(
                    table.columnGroups.map { group in
                        let title = Self.oneLine(group.title ?? "")
                        let missing = title.count - Self.width(columns[group.columns])
                        if missing > 0 {
                            let last = group.columns.upperBound - 1
                            columns[last] = column(last, minimum: columns[last].width + missing)
                        }
                        return Self.centered(title, width: Self.width(columns[group.columns]))
                    }))
        }
        lines.append(Self.join(columns.map(\.paddedHeading)))
        lines.append(Self.join(columns.map { String(repeating: "-", count: $0.width) }))
        for row in text.rows.indices {
            lines += table.rowGroups.filter { $0.start == row }.map { Self.oneLine($0.title) }
            lines.append(Self.join(columns.map { $0.paddedCells[row] }))
        }
        if !text.notes.isEmpty { lines += [""] + text.notes.map(\.visibleLines) }
        return lines.joined(separator: "\n") + "\n"
    }

    /// How wide neighbouring columns are together.
    private static func width(_ columns: ArraySlice<TextColumn>) -> Int {
        columns.reduce(0) { $0 + $1.width } + 2 * (columns.count - 1)
    }

    /// The heading of a group in the middle of a line that spans it: "--- GSM8K ---".
    private static func centered(_ title: String, width: Int) -> String {
        guard !title.isEmpty else { return String(repeating: " ", count: width) }
        let room = max(0, width - title.count)
        func line(_ length: Int) -> String {
            length < 2
                ? String(repeating: " ", count: length) : String(repeating: "-", count: length - 1) + " "
        }
        return line(room / 2) + title + String(line(room - room / 2).reversed())
    }

    private static func join(_ fields: [String]) -> String {
        var line = fields.joined(separator: "  ")
        while let shorter = line.byteText.dropping(suffix: " ") { line = shorter.text }
        return line
    }

    /// On one line, and without what a terminal would act on.
    private static func oneLine(_ text: String) -> String {
        let joined = text.byteText.replacing("\r\n", with: "\n").text.unicodeScalars
            .map { $0.isLineBreak || $0 == "\t" ? " " : $0 }
        return String(String.UnicodeScalarView(joined)).visible
    }
}

/// A column whose fields all have the same width, counted in characters as a reader sees them.
private struct TextColumn {
    let width: Int
    let paddedHeading: String
    let paddedCells: [String]

    init(heading: String, cells: [String], alignment: Table.Alignment, minimum: Int) {
        let aligned = alignment == .decimal ? Self.aligned(atPoint: cells) : cells
        let width = max(minimum, heading.count, aligned.map(\.count).max() ?? 0)
        func pad(_ text: String) -> String {
            let missing = width - text.count
            let left =
                switch alignment {
                case .left: 0
                case .center: missing / 2
                case .right, .decimal: missing
                }
            return String(repeating: " ", count: left) + text + String(repeating: " ", count: missing - left)
        }
        self.width = width
        paddedHeading = pad(heading)
        paddedCells = aligned.map(pad)
    }

    /// Fills up what follows the first point, so that right-aligned cells have their points below one another.
    private static func aligned(atPoint cells: [String]) -> [String] {
        func isNumber(_ cell: String) -> Bool {
            cell.utf8.first.map { $0.isDigit || $0 == UInt8(ascii: "-") } ?? false
        }
        func tail(_ cell: String) -> Int {
            guard isNumber(cell) else { return 0 }
            let end = cell.utf8.firstIndex { !($0.isDigit || ",-".utf8.contains($0)) } ?? cell.endIndex
            return cell.distance(from: end, to: cell.endIndex)
        }
        let longest = cells.map(tail).max() ?? 0
        return cells.map { cell in
            // Words and missing cells have no point: they end where the longest number ends.
            guard isNumber(cell) else { return cell }
            return cell + String(repeating: " ", count: longest - tail(cell))
        }
    }
}

extension UInt8 {
    fileprivate var isDigit: Bool { UInt8(ascii: "0")...UInt8(ascii: "9") ~= self }
}

/// Renders GitHub's Markdown tables; decimal columns are right-aligned, which lines up equal numbers of digits.
///
/// There is one line of headings, which begin with the group of the column; cells that stand out are bold.
package struct MarkdownTableRenderer: TableRenderer {
    /// A renderer; it has no options.
    package init() {}

    package func render(_ table: Table) -> String {
        let text = TableText(table)
        var blocks: [String] = []
        if let title = table.title { blocks.append("**\(Self.escaped(title))**") }
        let rules = table.columns.map { column in
            switch column.alignment {
            case .left: ":---"
            case .center: ":---:"
            case .right, .decimal: "---:"
            }
        }
        var lines = [text.wholeHeadings.map(Self.escaped), rules]
        for row in text.rows.indices {
            for group in table.rowGroups where group.start == row {
                let empty = Array(repeating: "", count: table.columns.count - 1)
                lines.append(["*\(Self.escaped(group.title))*"] + empty)
            }
            lines.append(
                text.rows[row].enumerated().map { index, cell in
                    table.emphasis[row].contains(index)
                        ? "**\(Self.escaped(cell))**" : Self.escaped(cell)
                })
        }
        blocks.append(lines.map { "| " + $0.joined(separator: " | ") + " |" }.joined(separator: "\n"))
        blocks += text.notes.map(Self.escaped)
        return blocks.joined(separator: "\n\n") + "\n"
    }

    /// Text that can't end a cell or a line, or start emphasis, code, a link or a tag.
    private static func escaped(_ text: String) -> String {
        var result = ""
        // As scalars: a sign beside a combining mark means the same.
        for scalar in text.byteText.replacing("\r\n", with: "\n").text.unicodeScalars {
            if scalar.isLineBreak {
                result += "<br>"
            } else {
                if "\\|*_`<[]".unicodeScalars.contains(scalar) { result += "\\" }
                result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}

extension Unicode.Scalar {
    /// Whether a line ends at it, by any system's or Unicode's rules.
    var isLineBreak: Bool {
        switch value {
        case 0x0A...0x0D, 0x85, 0x2028, 0x2029: true
        default: false
        }
    }
}

/// Renders comma-separated values (RFC 4180, with line feeds) for programs.
///
/// Numbers are written in full precision, whatever digits they are shown with. A column with intervals becomes
/// three: the value, `<heading> lower` and `<heading> upper`. A missing cell is empty; title and notes are left
/// out. Groups of rows are a first column `Group`, those of columns begin the headings.
package struct CSVTableRenderer: TableRenderer {
    /// A renderer; it has no options.
    package init() {}

    package func render(_ table: Table) -> String {
        let hasIntervals = table.columns.indices.map { column in
            table.rows.contains { row in
                if case .interval = row[column] { true } else { false }
            }
        }
        let hasGroups = !table.rowGroups.isEmpty
        var lines = [
            (hasGroups ? ["Group"] : [])
                + zip(TableText(table).wholeHeadings, hasIntervals).flatMap { heading, triple in
                    triple ? [heading, "\(heading) lower", "\(heading) upper"] : [heading]
                }
        ]
        for (index, row) in table.rows.enumerated() {
            let group = table.rowGroups.last { $0.start <= index }?.title ?? ""
            lines.append(
                (hasGroups ? [group] : [])
                    + zip(row, hasIntervals).flatMap { cell, triple in Self.fields(cell, triple: triple) })
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

/// Renders an HTML table in a `figure`, with headings that say what they head and notes below.
///
/// It has no style of its own but the alignment of columns, and no scripts; it is a piece for a page, or with
/// `isDocument` a page.
package struct HTMLTableRenderer: TableRenderer {
    /// Whether a whole page is written, not a piece for one.
    package let isDocument: Bool

    /// A renderer for pieces or whole pages.
    package init(isDocument: Bool = false) { self.isDocument = isDocument }

    package func render(_ table: Table) -> String {
        let text = TableText(table)
        var lines = ["<figure>", "<table>"]
        if let title = table.title { lines.append("<caption>\(Self.escaped(title))</caption>") }
        lines.append("<thead>")
        if table.hasColumnGroups {
            lines.append("<tr>")
            for group in table.columnGroups {
                lines.append(
                    group.title.map {
                        "<th scope=\"colgroup\" colspan=\"\(group.columns.count)\">\(Self.escaped($0))</th>"
                    } ?? "<td></td>")
            }
            lines.append("</tr>")
        }
        lines.append("<tr>")
        for (column, heading) in zip(table.columns, text.headings) {
            lines.append("<th scope=\"col\"\(Self.style(column))>\(Self.escaped(heading))</th>")
        }
        lines += ["</tr>", "</thead>", "<tbody>"]
        for (number, row) in text.rows.enumerated() {
            for group in table.rowGroups where group.start == number {
                if number > 0 { lines += ["</tbody>", "<tbody>"] }
                let title = Self.escaped(group.title)
                lines.append(
                    "<tr><th scope=\"rowgroup\" colspan=\"\(row.count)\"><em>\(title)</em></th></tr>")
            }
            lines.append("<tr>")
            for (index, (column, cell)) in zip(table.columns, row).enumerated() {
                // What the first column holds names the row.
                let (tag, scope) = index == 0 ? ("th", " scope=\"row\"") : ("td", "")
                let isStrong = table.emphasis[number].contains(index)
                let text = isStrong ? "<strong>\(Self.escaped(cell))</strong>" : Self.escaped(cell)
                lines.append("<\(tag)\(scope)\(Self.style(column))>\(text)</\(tag)>")
            }
            lines.append("</tr>")
        }
        lines += ["</tbody>", "</table>"]
        if !text.notes.isEmpty {
            lines.append("<figcaption>")
            lines += text.notes.map { "<p>\(Self.escaped($0))</p>" }
            lines.append("</figcaption>")
        }
        lines.append("</figure>")
        return (isDocument ? Self.page(table.title ?? "Table", lines) : lines).joined(separator: "\n") + "\n"
    }

    private static func page(_ title: String, _ body: [String]) -> [String] {
        [
            "<!DOCTYPE html>", "<html lang=\"en\">", "<head>", "<meta charset=\"utf-8\">",
            // The alignment of columns stands in attributes.
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
            "<meta name=\"viewport\" content=\"width=device-width\">", "<title>\(escaped(title))</title>",
            "<style>",
            ":root { color-scheme: light dark; font-family: sans-serif; }",
            "table { border-collapse: collapse; } th, td { padding: 0.2em 0.6em; }",
            "thead th { border-bottom: 2px solid; } tbody th { font-weight: normal; }",
            "caption { font-weight: bold; text-align: left; } figcaption { font-size: 0.85em; }",
            "</style>", "</head>", "<body>",
        ] + body + ["</body>", "</html>"]
    }

    private static func style(_ column: Table.Column) -> String {
        switch column.alignment {
        case .left: " style=\"text-align: left\""
        case .center: " style=\"text-align: center\""
        case .right, .decimal: " style=\"text-align: right\""
        }
    }

    /// Text without characters that mean something in HTML, or that it can't hold; line breaks stay.
    private static func escaped(_ text: String) -> String {
        text.byteText.replacing("\r\n", with: "\n").text.unicodeScalars
            .split(omittingEmptySubsequences: false, whereSeparator: \.isLineBreak)
            .map { SVG.escaped(String($0)) }.joined(separator: "<br>")
    }
}

/// Renders JSON for programs: columns with units, rows of typed cells, notes.
///
/// A cell is a string, a number in full precision, `{"value", "lower", "upper"}`, or `{"missing": reason}`. A
/// number that isn't finite counts as missing, because JSON has no form for it. Columns of groups have a `group`; where
/// rows have groups or cells stand out, `groups` and `emphasis` say which, by places that begin with 0.
package struct JSONTableRenderer: TableRenderer {
    /// A renderer; it has no options.
    package init() {}

    package func render(_ table: Table) -> String {
        let columns = table.columns.map { column in
            "{\"title\": \(Self.quoted(column.title)), \"unit\": \(column.unit.map(Self.quoted) ?? "null")"
                + (column.group.map { ", \"group\": \(Self.quoted($0))" } ?? "") + "}"
        }
        let rows = table.rows.map { "[" + $0.map(Self.cell).joined(separator: ", ") + "]" }
        return """
            {
              "title": \(table.title.map(Self.quoted) ?? "null"),
              "columns": \(Self.list(columns)),
              "rows": \(Self.list(rows)),\(Self.structure(table))
              "notes": \(Self.list(table.notes.map(Self.quoted)))
            }

            """
    }

    /// The groups of rows and the cells that stand out, where there are any.
    private static func structure(_ table: Table) -> String {
        var members = ""
        if !table.rowGroups.isEmpty {
            let groups = table.rowGroups.map { "{\"title\": \(quoted($0.title)), \"start\": \($0.start)}" }
            members += "\n  \"groups\": \(list(groups)),"
        }
        if table.emphasis.contains(where: { !$0.isEmpty }) {
            members += "\n  \"emphasis\": \(list(table.emphasis.map { "\($0.sorted())" })),"
        }
        return members
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
