internal import Base

/// Renders GitHub's Markdown tables; decimal columns are right-aligned, which lines up equal numbers of digits.
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
        let lines = [text.headings.map(Self.escaped), rules] + text.rows.map { $0.map(Self.escaped) }
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
