/// Renders GitHub's Markdown tables; decimal columns are right-aligned, which lines up equal numbers of digits.
public struct MarkdownTableRenderer: TableRenderer {
    /// A renderer; it has no options.
    public init() {}

    public func render(_ table: Table) -> String {
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
        for character in text {
            if character.isNewline {
                result += "<br>"
            } else {
                if "\\|*_`<[]".contains(character) { result += "\\" }
                result.append(character)
            }
        }
        return result
    }
}
