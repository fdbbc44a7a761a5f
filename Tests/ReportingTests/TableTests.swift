import Reporting
import Testing

struct TableTests {
    private var table: Table {
        var table = Table(
            title: "Accuracy | speed",
            columns: [
                .init("Method"), .init("TPF", alignment: .decimal),
                .init("Accuracy", unit: "%", alignment: .decimal), .init("Tokens", alignment: .right),
                .init("Verdict", alignment: .center),
            ], notes: ["95 % Wilson intervals, n = 200."])
        table.append([
            .text("vanilla"), .number(0.955, digits: 2),
            .interval(96.5, lower: 92.953, upper: 98.294, digits: 1),
            .number(7880, digits: 0, grouped: true), .text("holds"),
        ])
        table.append([
            .text("d3LLM, \"multi\"\nblock*"), .number(15.2, digits: 1),
            .interval(100, lower: 98.1, upper: 100, digits: 1), .number(1_234_567, digits: 0, grouped: true),
            .missing(reason: "not run: no weights"),
        ])
        table.append([
            .text("größer <b>"), .missing(reason: "not comparable"), .number(8, digits: 2),
            .missing(reason: "not comparable"), .missing(reason: "not run: no weights"),
        ])
        return table
    }

    @Test func text() throws { try Snapshot.expect(TextTableRenderer().render(table), matches: "table.txt") }
    @Test func markdown() throws {
        try Snapshot.expect(MarkdownTableRenderer().render(table), matches: "table.md")
    }
    @Test func csv() throws { try Snapshot.expect(CSVTableRenderer().render(table), matches: "table.csv") }
    @Test func json() throws { try Snapshot.expect(JSONTableRenderer().render(table), matches: "table.json") }

    @Test func latex() throws {
        try Snapshot.expect(LaTeXTableRenderer().render(table), matches: "table.tex")
    }
    @Test func html() throws {
        try Snapshot.expect(HTMLTableRenderer().render(table), matches: "table.html")
        try Snapshot.expect(HTMLTableRenderer(isDocument: true).render(table), matches: "table-page.html")
    }

    @Test func nothingOfATableIsReadAsLaTeX() {
        var table = Table(columns: [.init("x")])
        table.append([.text("[a] 50% of $5 & #1_{2}^3 ~\\end{table}")])
        let text = LaTeXTableRenderer().render(table)
        #expect(
            text.contains(
                "{}[a] 50\\% of \\$5 \\& \\#1\\_\\{2\\}\\textasciicircum{}3 \\textasciitilde{}"
                    + "\\textbackslash{}end\\{table\\} \\\\"))
    }

    @Test func nothingOfATableIsReadAsHTML() {
        var table = Table(title: "<script>", columns: [.init("a\"b")], notes: ["&amp;"])
        table.append([.text("</td><b>\u{0}")])
        let text = HTMLTableRenderer().render(table)
        #expect(text.contains("&lt;/td&gt;&lt;b&gt;\u{FFFD}</th>"))
        #expect(text.contains("<p>&amp;amp;</p>") && text.contains("a&quot;b"))
        #expect(!text.contains("<script>") && !text.contains("<b>"))
    }

    @Test func emptyTableHasHeadings() {
        let table = Table(columns: [.init("A"), .init("B", unit: "s")])
        #expect(TextTableRenderer().render(table) == "A  B (s)\n-  -----\n")
        #expect(MarkdownTableRenderer().render(table) == "| A | B (s) |\n| :--- | :--- |\n")
        #expect(CSVTableRenderer().render(table) == "A,B (s)\n")
        #expect(JSONTableRenderer().render(table).contains("\"rows\": []"))
    }

    @Test func decimalPointsAreBelowOneAnother() {
        var table = Table(columns: [.init("x", alignment: .decimal)])
        for (number, digits) in [(1.5, 1), (10.25, 2), (-100, 0), (1234.5, 1)] {
            table.append([.number(number, digits: digits, grouped: true)])
        }
        let lines = TextTableRenderer().render(table).split(separator: "\n").dropFirst(2).map(String.init)
        #expect(lines == ["    1.5", "   10.25", " -100", "1,234.5"])
    }

    @Test func numbersThatAreNotFiniteStayValidForPrograms() {
        var table = Table(columns: [.init("x")])
        table.append([.number(.nan, digits: 1)])
        table.append([.interval(1, lower: -.infinity, upper: 2, digits: 1)])
        #expect(CSVTableRenderer().render(table) == "x,x lower,x upper\n,,\n1.0,,2.0\n")
        #expect(JSONTableRenderer().render(table).components(of: "not a finite number") == 2)
    }
}

extension String {
    fileprivate func components(of part: String) -> Int { ranges(of: part).count }
}
