internal import Base

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
        lines += ["<thead>", "<tr>"]
        for (column, heading) in zip(table.columns, text.headings) {
            lines.append("<th scope=\"col\"\(Self.style(column))>\(Self.escaped(heading))</th>")
        }
        lines += ["</tr>", "</thead>", "<tbody>"]
        for row in text.rows {
            lines.append("<tr>")
            for (index, (column, cell)) in zip(table.columns, row).enumerated() {
                // What the first column holds names the row.
                let (tag, scope) = index == 0 ? ("th", " scope=\"row\"") : ("td", "")
                lines.append("<\(tag)\(scope)\(Self.style(column))>\(Self.escaped(cell))</\(tag)>")
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
