/// Renders a `table` environment with the rules of the booktabs package, to be pasted into a document.
///
/// Columns of a group share a heading with a rule below it, cells that stand out are bold, and a table with many columns
/// or with intervals is scaled to the width of the text where it is wider. Everything that means something in LaTeX is escaped,
/// and the output is what pdfLaTeX takes without packages for other scripts.
package struct LaTeXTableRenderer: TableRenderer {
    /// With more columns than this a table with groups is as wide as the page and is scaled to it.
    private static let narrow = 8

    /// Makes what is wider than the text as wide as the text.
    private static let scaling = "\\resizebox{\\ifdim\\width>\\linewidth\\linewidth\\else\\width\\fi}{!}{%"

    /// A renderer; it has no options.
    package init() {}

    package func render(_ table: Table) -> String {
        let text = TableText(table)
        let isWide = table.hasColumnGroups && table.columns.count > Self.narrow
        let environment = isWide ? "table*" : "table"
        let isScaled = isWide || Self.hasIntervals(table)
        var lines = [
            "% The document needs \\usepackage{booktabs}\(isScaled ? " and \\usepackage{graphicx}" : "").",
            "\\begin{\(environment)}", "\\centering",
        ]
        if let title = table.title { lines.append("\\caption{\(LaTeX.escaped(title))}") }
        if let label = table.label { lines.append("\\label{tab:\(LaTeX.label(label))}") }
        if isScaled { lines.append(Self.scaling) }
        lines += ["\\begin{tabular}{\(Self.specification(table))}", "\\toprule"]
        if table.hasColumnGroups { lines += Self.groupHeadings(table) }
        lines += [Self.row(text.headings.map(LaTeX.escaped)), "\\midrule"]
        let cells = Self.cells(table, text)
        for row in cells.indices {
            for group in table.rowGroups where group.start == row {
                if row > 0 { lines.append("\\midrule") }
                lines.append(
                    "\\multicolumn{\(table.columns.count)}{l}{\\emph{\(LaTeX.escaped(group.title))}} \\\\")
            }
            lines.append(Self.row(cells[row]))
        }
        lines += ["\\bottomrule", "\\end{tabular}\(isScaled ? "}" : "")"]
        lines += text.notes.map { "\n\\smallskip{\\footnotesize\\raggedright \(LaTeX.escaped($0))\\par}" }
        lines.append("\\end{\(environment)}")
        return lines.joined(separator: "\n") + "\n"
    }

    /// Whether numbers come with their intervals, which columns of a page are soon too narrow for.
    private static func hasIntervals(_ table: Table) -> Bool {
        table.rows.joined().contains { if case .interval = $0 { true } else { false } }
    }

    /// How columns are aligned; groups stand a little apart from their neighbours by their rules.
    private static func specification(_ table: Table) -> String {
        table.columns.map { column in
            switch column.alignment {
            case .left: "l"
            case .center: "c"
            case .right, .decimal: "r"
            }
        }.joined()
    }

    /// The line of the groups' headings and the rules below them.
    private static func groupHeadings(_ table: Table) -> [String] {
        let groups = table.columnGroups
        let headings = groups.map { group in
            group.title.map { "\\multicolumn{\(group.columns.count)}{c}{\(LaTeX.escaped($0))}" } ?? ""
        }
        let rules = groups.filter { $0.title != nil }.map { group in
            "\\cmidrule(lr){\(group.columns.lowerBound + 1)-\(group.columns.upperBound)}"
        }
        return [row(headings), rules.joined()]
    }

    /// The cells as LaTeX; numbers of a decimal column are filled up so that their points are below one another.
    private static func cells(_ table: Table, _ text: TableText) -> [[String]] {
        let tails = table.columns.indices.map { index -> [String?] in
            guard table.columns[index].alignment == .decimal else { return [] }
            return table.rows.indices.map { row in
                guard case .number = table.rows[row][index] else { return nil }
                let cell = text.rows[row][index]
                return cell.utf8.firstIndex(of: UInt8(ascii: ".")).map { String(cell[$0...]) } ?? ""
            }
        }
        let longest = tails.map { $0.compactMap { $0 }.max { $0.utf8.count < $1.utf8.count } ?? "" }
        return text.rows.indices.map { row in
            text.rows[row].indices.map { index in
                let cell = LaTeX.escaped(text.rows[row][index])
                let shown = table.emphasis[row].contains(index) ? "\\textbf{\(cell)}" : cell
                guard !tails[index].isEmpty, let tail = tails[index][row] else { return shown }
                let missing = longest[index].utf8.dropFirst(tail.utf8.count)
                return missing.isEmpty ? shown : "\(shown)\\phantom{\(String(Substring(missing)))}"
            }
        }
    }

    private static func row(_ cells: [String]) -> String {
        // A row that begins with a bracket would be read as the argument of the line break before it.
        let start = cells.first?.unicodeScalars.first.map { $0 == "[" || $0 == "*" } == true ? "{}" : ""
        return start + cells.joined(separator: " & ") + " \\\\"
    }
}

/// Text in LaTeX documents.
enum LaTeX {
    /// Text without characters that mean something in LaTeX, or that pdfLaTeX has no sign for.
    ///
    /// Letters of Latin alphabets stay, common signs become commands, and anything else is written as its code point,
    /// which is to be replaced by who knows what it should look like.
    static func escaped(_ text: String) -> String {
        var result = ""
        var last: Unicode.Scalar?
        for scalar in text.unicodeScalars {
            // Two of them would be another sign: a dash, quotation marks.
            if scalar == last, scalar == "-" || scalar == "'" || scalar == "," { result += "{}" }
            result += sign(scalar)
            last = scalar
        }
        return result
    }

    /// A name that `\ref` takes: everything but letters, digits and a few signs becomes a hyphen.
    static func label(_ text: String) -> String {
        String(
            String.UnicodeScalarView(
                text.unicodeScalars.map { scalar in
                    scalar.isASCII
                        && (scalar.properties.isAlphabetic
                            || "0123456789.:/-".unicodeScalars.contains(scalar))
                        ? scalar : "-"
                }))
    }

    private static func sign(_ scalar: Unicode.Scalar) -> String {
        if let replacement = replacements[scalar] { return replacement }
        switch scalar.value {
        case 0x20..<0x7F: return String(scalar)
        case ..<0x20, 0x7F..<0xA0, 0x2028, 0x2029: return " "
        // Zero-width signs and marks of direction have nothing to show.
        case 0x200B...0x200F, 0x202A...0x202E, 0x2060...0x2069, 0xFEFF: return ""
        // Letters that the fonts of every document have; those of Icelandic need another encoding of fonts.
        case 0xC0...0xFF where ![0xD0, 0xD7, 0xDE, 0xF0, 0xF7, 0xFE].contains(scalar.value):
            return String(scalar)
        case 0x2000...0x200A: return " "
        default:
            let digits = String(scalar.value, radix: 16, uppercase: true)
            return "\\texttt{U+\(String(repeating: "0", count: max(0, 4 - digits.count)))\(digits)}"
        }
    }

    private static let replacements: [Unicode.Scalar: String] = [
        "\\": "\\textbackslash{}", "{": "\\{", "}": "\\}", "&": "\\&", "%": "\\%", "$": "\\$", "#": "\\#",
        "_": "\\_", "^": "\\textasciicircum{}", "~": "\\textasciitilde{}", "<": "\\textless{}",
        ">": "\\textgreater{}", "|": "\\textbar{}", "\"": "''", "`": "\\textasciigrave{}",
        "\u{A0}": "~", "\u{AD}": "\\-", "\u{2009}": "\\,", "\u{202F}": "\\,",
        "—": "---", "–": "--", "‐": "-", "‑": "-", "…": "\\ldots{}", "‘": "`", "’": "'", "“": "``", "”": "''",
        "„": ",,", "•": "\\textbullet{}", "†": "\\dag{}", "‡": "\\ddag{}", "§": "\\S{}", "¶": "\\P{}",
        "©": "\\copyright{}", "£": "\\pounds{}", "¿": "?`", "¡": "!`",
        "×": "$\\times$", "÷": "$\\div$", "±": "$\\pm$", "∓": "$\\mp$", "·": "$\\cdot$", "−": "$-$",
        "≤": "$\\leq$", "≥": "$\\geq$", "≠": "$\\neq$", "≈": "$\\approx$", "≡": "$\\equiv$", "∞": "$\\infty$",
        "→": "$\\rightarrow$", "←": "$\\leftarrow$", "↑": "$\\uparrow$", "↓": "$\\downarrow$",
        "↔": "$\\leftrightarrow$", "⇒": "$\\Rightarrow$", "∈": "$\\in$", "∑": "$\\sum$", "√": "$\\surd$",
        "°": "$^{\\circ}$", "²": "$^{2}$", "³": "$^{3}$", "¹": "$^{1}$", "½": "$\\frac{1}{2}$",
        "µ": "$\\mu$", "✓": "$\\surd$",
        "α": "$\\alpha$", "β": "$\\beta$", "γ": "$\\gamma$", "δ": "$\\delta$", "ε": "$\\varepsilon$",
        "ζ": "$\\zeta$", "η": "$\\eta$", "θ": "$\\theta$", "ι": "$\\iota$", "κ": "$\\kappa$",
        "λ": "$\\lambda$", "μ": "$\\mu$", "ν": "$\\nu$", "ξ": "$\\xi$", "π": "$\\pi$", "ρ": "$\\rho$",
        "σ": "$\\sigma$", "τ": "$\\tau$", "υ": "$\\upsilon$", "φ": "$\\varphi$", "χ": "$\\chi$",
        "ψ": "$\\psi$", "ω": "$\\omega$", "Γ": "$\\Gamma$", "Δ": "$\\Delta$", "Θ": "$\\Theta$",
        "Λ": "$\\Lambda$", "Ξ": "$\\Xi$", "Π": "$\\Pi$", "Σ": "$\\Sigma$", "Φ": "$\\Phi$", "Ψ": "$\\Psi$",
        "Ω": "$\\Omega$",
    ]
}
