/// The formats that tables can be written in, by the names that command lines use.
public enum TableFormat: String, Sendable, Hashable, CaseIterable {
    case text
    case markdown
    case csv
    case latex
    case html
    case json

    /// What writes the format; HTML as a whole page.
    public var renderer: any TableRenderer {
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
