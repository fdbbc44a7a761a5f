import Files
import Reporting
import SystemPackage
import TestSupport
import Testing

/// Tables as papers lay them out: groups of columns and of rows, cells that stand out.
struct GroupedTableTests {
    private var table: Table {
        var table = Table(
            title: "100 % of a_b",
            columns: [
                .init("Method"), .init("Acc.", unit: "%", alignment: .decimal, group: "GSM8K & co."),
                .init("TPF", alignment: .decimal, group: "GSM8K & co."),
                .init("TPF", alignment: .decimal, group: "A benchmark with a name of its own"),
            ], notes: ["Bold: the best."])
        table.label = "a b/c"
        table.begin(group: "Autoregressive")
        table.append([.text("Qwen"), .number(74.1, digits: 1), .number(1, digits: 0), .text("—")])
        table.begin(group: "Diffusion")
        table.append([
            .text("LLaDA"), .number(72.55, digits: 2), .number(1, digits: 0), .missing(reason: "not run"),
        ])
        table.append(
            [.text("[d3LLM]"), .number(73.09, digits: 2), .number(9.11, digits: 2), .number(2, digits: 1)],
            emphasis: [1, 2])
        return table
    }

    @Test func text() throws {
        try Snapshot.expect(TextTableRenderer().render(table), matches: "groups.txt")
    }
    @Test func markdown() throws {
        try Snapshot.expect(MarkdownTableRenderer().render(table), matches: "groups.md")
    }
    @Test func csv() throws { try Snapshot.expect(CSVTableRenderer().render(table), matches: "groups.csv") }
    @Test func json() throws {
        try Snapshot.expect(JSONTableRenderer().render(table), matches: "groups.json")
    }
    @Test func html() throws {
        try Snapshot.expect(HTMLTableRenderer().render(table), matches: "groups.html")
    }
    @Test func latex() throws {
        try Snapshot.expect(LaTeXTableRenderer().render(table), matches: "groups.tex")
    }

    /// What a reader of each format has to find, whatever the snapshots say.
    @Test func groupsAndBestCellsAreInEveryFormat() {
        let text = TextTableRenderer().render(table).split(separator: "\n")
        #expect(text[1].contains("GSM8K & co.") && text[1].contains("- A benchmark") == false)
        #expect(text.contains { $0.hasPrefix("[d3LLM]") && $0.contains("73.09*") && $0.contains("9.11*") })
        #expect(text.contains("Autoregressive") && text.contains("Diffusion"))
        let markdown = MarkdownTableRenderer().render(table)
        #expect(markdown.contains("| GSM8K & co.: TPF |") && markdown.contains("| **9.11** |"))
        let csv = CSVTableRenderer().render(table)
        #expect(csv.hasPrefix("Group,Method,GSM8K & co.: Acc. (%),GSM8K & co.: TPF,"))
        #expect(csv.contains("\nDiffusion,[d3LLM],73.09,9.11,2.0\n"))
        let html = HTMLTableRenderer().render(table)
        #expect(html.contains("<th scope=\"colgroup\" colspan=\"2\">GSM8K &amp; co.</th>"))
        #expect(html.contains("<strong>9.11</strong>"))
        let json = JSONTableRenderer().render(table)
        #expect(json.contains("{\"title\": \"Diffusion\", \"start\": 1}") && json.contains("[1, 2]"))
    }

    @Test func latexHasRulesBelowGroupsAndPointsBelowOneAnother() {
        let lines = LaTeXTableRenderer().render(table).split(separator: "\n").map(String.init)
        #expect(lines[0] == "% The document needs \\usepackage{booktabs}.")
        #expect(lines.contains("\\label{tab:a-b/c}"))
        #expect(lines.contains("\\cmidrule(lr){2-3}\\cmidrule(lr){4-4}"))
        #expect(lines.contains("\\multicolumn{4}{l}{\\emph{Diffusion}} \\\\"))
        #expect(lines.contains("Qwen & 74.1\\phantom{5} & 1\\phantom{.11} & --- \\\\"))
        #expect(lines.contains("{}[d3LLM] & \\textbf{73.09} & \\textbf{9.11} & 2.0 \\\\"))
        // As many cells in every row as there are columns.
        for line in lines where line.hasSuffix("\\\\") && !line.contains("multicolumn") {
            #expect(line.replacing("\\&", with: "").count { $0 == "&" } == 3, "\(line)")
        }
    }

    @Test func aWideTableIsScaledToThePage() {
        var wide = Table(columns: [.init("m")] + (0..<9).map { .init("\($0)", group: "g\($0 / 3)") })
        wide.append(Array(repeating: .text("x"), count: 10))
        let text = LaTeXTableRenderer().render(wide)
        #expect(text.contains("\\begin{table*}") && text.contains("\\end{table*}"))
        #expect(text.contains("\\resizebox{\\ifdim\\width>\\linewidth") && text.contains("\\end{tabular}}"))
        #expect(text.contains("\\usepackage{booktabs} and \\usepackage{graphicx}"))
    }

    @Test func theBestOfAColumnIsBestAsShown() {
        let rows: [[Table.Cell]] = [
            [.number(1.004, digits: 2), .number(5, digits: 0), .number(3, digits: 0), .text("—")],
            [.number(1.001, digits: 2), .number(4, digits: 0), .number(3, digits: 0), .number(7, digits: 0)],
            [
                .interval(0.5, lower: 0, upper: 9, digits: 2), .missing(reason: ""), .number(3, digits: 0),
                .missing(reason: ""),
            ],
        ]
        let best = BestCells(rows, better: [(>), (<), (>), (>)])
        // Ties are both best; a column of equal numbers, or with one only, has no best.
        #expect((0..<3).map { best.columns(ofRow: $0) } == [[0], [0, 1], []])
        #expect(BestCells(rows, better: [nil, nil, nil, nil]).columns(ofRow: 1).isEmpty)
    }

    private static let difficult =
        "50% of $5 & #1_{2}^3 ~\\end{table} \"quoted\" <b> |x| --flag ''a'' `b` × ± – — … −1 ≤ α Δ größer Ærø 中文 🎉 Ð\u{301} a\u{A0}b \u{200B}\u{0}\u{85}|"

    @Test func nothingIsLeftThatLaTeXWouldReadOrNotKnow() {
        var table = Table(columns: [.init("x")])
        table.append([.text(Self.difficult)])
        let text = LaTeXTableRenderer().render(table)
        #expect(text.contains("50\\% of \\$5 \\& \\#1\\_\\{2\\}\\textasciicircum{}3 \\textasciitilde{}"))
        #expect(text.contains("-{}-flag '{}'a'{}' \\textasciigrave{}b\\textasciigrave{}"))
        #expect(
            text.contains("$\\times$ $\\pm$ -- --- \\ldots{} $-$1 $\\leq$ $\\alpha$ $\\Delta$ größer Ærø"))
        #expect(
            text.contains(
                "\\texttt{U+4E2D}\\texttt{U+6587} \\texttt{U+1F389} \\texttt{U+00D0}\\texttt{U+0301}"))
        // What is left is ASCII, or a letter that every document has a sign for.
        #expect(text.unicodeScalars.allSatisfy { $0.isASCII || "öØÆæøß".unicodeScalars.contains($0) })
    }

    /// Where LaTeX is installed, what is written compiles.
    @Test(.enabled(if: PDFLaTeX.path != nil)) func latexCompiles() throws {
        let scratch = try ScratchFolder()
        var difficult = Table(
            title: Self.difficult, columns: [.init(Self.difficult)], notes: [Self.difficult])
        difficult.append([.text(Self.difficult)])
        var wide = Table(columns: [.init("m")] + (0..<9).map { .init("\($0)", group: "g\($0 / 3)") })
        wide.append(Array(repeating: .text("x"), count: 10))
        let tables = [table, difficult, wide].map { LaTeXTableRenderer().render($0) }
        try FileSystem.writeAtomically(
            "\\documentclass{article}\n\\usepackage{booktabs}\n\\usepackage{graphicx}\n\\begin{document}\n"
                + tables.joined(separator: "\n") + "\\end{document}\n",
            to: scratch.path.appending("t.tex"))
        let outcome = try Command(
            #require(PDFLaTeX.path),
            [
                "-interaction=nonstopmode", "-halt-on-error", "-output-directory", scratch.path.string,
                scratch.path.appending("t.tex").string,
            ], scratch: scratch.path
        ).wait()
        #expect(outcome.code == 0, "\(outcome.output)")
        #expect(FileSystem.exists(scratch.path.appending("t.pdf")))
    }
}

/// The program that makes documents of LaTeX, where it is installed.
private enum PDFLaTeX {
    static let path: FilePath? = ["/usr/bin/pdflatex", "/usr/local/bin/pdflatex"].map { FilePath($0) }
        .first { FileSystem.exists($0) }
}
