/// Renders a `table` environment with the rules of the booktabs package, for documents in UTF-8.
///
/// The document needs `\usepackage{booktabs}`. Notes stand below the table in footnote size.
package struct LaTeXTableRenderer: TableRenderer {
    /// A renderer; it has no options.
    package init() {}

    package func render(_ table: Table) -> String {
        let text = TableText(table)
        let columns = table.columns.map { column in
            switch column.alignment {
            case .left: "l"
            case .center: "c"
            case .right, .decimal: "r"
            }
        }
        var lines = ["\\begin{table}", "\\centering"]
        if let title = table.title { lines.append("\\caption{\(Self.escaped(title))}") }
        lines += ["\\begin{tabular}{\(columns.joined())}", "\\toprule", Self.row(text.headings), "\\midrule"]
        lines += text.rows.map(Self.row)
        lines += ["\\bottomrule", "\\end{tabular}"]
        lines += text.notes.map { "\n\\smallskip\\footnotesize \(Self.escaped($0))\n" }
        lines.append("\\end{table}")
        return lines.joined(separator: "\n") + "\n"
    }

    private static func row(_ cells: [String]) -> String {
        // A row that begins with a bracket would be read as the argument of the line break before it.
        let texts = cells.map(escaped)
        let start = texts.first?.unicodeScalars.first.map { $0 == "[" || $0 == "*" } == true ? "{}" : ""
        return start + texts.joined(separator: " & ") + " \\\\"
    }

    /// Text without characters that mean something in LaTeX.
    private static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars { result += replacements[scalar] ?? plain(scalar) }
        return result
    }

    private static func plain(_ scalar: Unicode.Scalar) -> String {
        scalar.value < 0x20 || scalar.value == 0x7F ? " " : String(scalar)
    }

    private static let replacements: [Unicode.Scalar: String] = [
        "\\": "\\textbackslash{}", "{": "\\{", "}": "\\}", "&": "\\&", "%": "\\%", "$": "\\$", "#": "\\#",
        "_": "\\_", "^": "\\textasciicircum{}", "~": "\\textasciitilde{}", "<": "\\textless{}",
        ">": "\\textgreater{}", "|": "\\textbar{}", "\"": "''",
        "—": "---", "–": "--", "…": "\\ldots{}", "×": "$\\times$", "±": "$\\pm$", "≤": "$\\leq$",
        "≥": "$\\geq$", "→": "$\\rightarrow$", "α": "$\\alpha$", "Δ": "$\\Delta$", "−": "$-$",
    ]
}
