import Base
import Files
import TestSupport
import Testing

@testable import Reporting

/// What others wrote stays text in every format, read by bytes and scalars as browsers and other programs read it.
@Suite struct InertMarkupTests {
    private static func count(_ wanted: String, in text: String) -> Int {
        text.byteText.asciiLowercased.split(wanted.byteText, keepingEmpty: true).count - 1
    }

    private func page(_ text: String) -> String {
        let quoted = text.byteText.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").text
        return ReportPage(
            title: text, lead: text,
            sections: [ReportSection("one", text) { HTML.details(text) { HTML.command(text) } }],
            data: "{\"text\":\"\(quoted)\"}", footer: text
        ).rendered
    }

    @Test func noMarkHidesATagFromTheEscapes() {
        let empty = page("")
        // All marks at once: only the number of tags counts.
        for chunk in stride(from: 0, to: HiddenMarks.all.count, by: 200) {
            let marks = HiddenMarks.all[chunk..<min(chunk + 200, HiddenMarks.all.count)]
            let text = marks.map { mark in
                HiddenMarks.beside("<", mark).map { "\($0)/script>\($0)script>x\($0)!--" }.joined()
            }.joined()
            let page = page(text)
            for tag in ["</script", "<script", "<!--", "<style", "<meta"] {
                #expect(Self.count(tag, in: page) == Self.count(tag, in: empty), "\(tag)")
            }
        }
    }

    @Test func dataIsTheSameToWhoeverReadsIt() {
        let text = "a<b>&c\u{2028}d\u{2029}<\u{301}\u{600}<"
        let inert = ReportPage.inert("\"\(text)\"")
        for sign in ["<", ">", "&", "\u{2028}", "\u{2029}"] {
            #expect(!inert.byteText.contains(sign), "\(sign.visible)")
        }
        #expect(
            inert
                == "\"a\\u003cb\\u003e\\u0026c\\u2028d\\u2029\\u003c\u{301}\u{600}\\u003c\"")
    }

    @Test func thePolicyNamesThePagesOwnScriptsAndStyles() throws {
        let page = page("x")
        let policy = try #require(
            page.byteText.cut(at: "http-equiv=\"Content-Security-Policy\" content=\"")?.after.cut(at: "\"")?
                .before)
        #expect(policy.hasPrefix("default-src 'none'; script-src 'sha256-"))
        #expect(!policy.contains("unsafe"))
        for (start, end) in [("<script>", "</script>"), ("<style>", "</style>")] {
            let text = try #require(
                page.byteText.cut(at: start.byteText)?.after.cut(at: end.byteText)?.before)
            var hash = SHA256()
            hash.update(Array(text.bytes))
            #expect(policy.contains("'sha256-\(Self.base64(hash.finalize()))'"), "\(start)")
        }
        // One script that runs; the other holds data.
        #expect(Self.count("<script", in: page) == 2)
        #expect(Self.count("<script type=\"application/json\"", in: page) == 1)
    }

    /// RFC 4648 by way of bits, unlike the code under test.
    private static func base64(_ bytes: [UInt8]) -> String {
        var bits = bytes.flatMap { byte in (0..<8).map { byte >> (7 - $0) & 1 } }
        while bits.count % 6 != 0 { bits.append(0) }
        let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
        var text = stride(from: 0, to: bits.count, by: 6).map { start in
            digits[bits[start..<start + 6].reduce(0) { $0 * 2 + Int($1) }]
        }
        while text.count % 4 != 0 { text.append("=") }
        return String(text)
    }

    @Test func tablesKeepTheirShapeInEveryFormat() {
        func rendered(_ text: String, by renderer: some TableRenderer) -> String {
            var table = Table(title: text, columns: [.init(text), .init("n")])
            table.append([.text(text), .text("x")])
            table.notes = [text]
            return renderer.render(table)
        }
        for mark in HiddenMarks.all {
            for sign in HiddenMarks.beside("|", mark) {
                let line = rendered("a\(sign)b", by: MarkdownTableRenderer())
                // Every bar of the text has a backslash before it.
                let bars = line.byteText.replacing("\\|", with: "").split("|", keepingEmpty: true).count - 1
                #expect(bars == 9, "\(mark.value)")
            }
            for sign in HiddenMarks.beside("\\", mark) {
                let text = rendered("a\(sign)input{x}", by: LaTeXTableRenderer())
                #expect(!text.byteText.contains("\\input"), "\(mark.value)")
            }
            for sign in HiddenMarks.beside("<", mark) {
                #expect(!rendered("\(sign)b>", by: HTMLTableRenderer()).byteText.contains("<b>"))
                #expect(!SVG.escaped("\(sign)b>").byteText.contains("<"))
            }
            for sign in HiddenMarks.beside("\"", mark) {
                let text = rendered("a\(sign),b", by: CSVTableRenderer())
                #expect(text.byteText.contains("\"\""), "\(mark.value)")
            }
        }
    }

    @Test func textTablesCommandNoTerminal() {
        var table = Table(title: "a\u{1B}[2J", columns: [.init("b\rc")])
        table.append([.text("d\u{9B}2K\n\u{202E}e")])
        table.notes = ["f\u{7}"]
        let text = TextTableRenderer().render(table)
        let isSafe = text.unicodeScalars.allSatisfy { !$0.isInvisible || $0 == "\n" }
        #expect(isSafe, "\(text.visible)")
        #expect(text.byteText.split("\n", keepingEmpty: true).count == 8)
    }
}
