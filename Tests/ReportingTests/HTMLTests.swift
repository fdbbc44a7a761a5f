import Testing

@testable import Reporting

struct HTMLTests {
    @Test func wordsAndValuesAreEscaped() {
        let html = HTML.element(.p, .title("\"a\" & <b>")) { HTML.text("<script>alert('x')</script> & more") }
        #expect(
            html.rendered
                == "<p title=\"&quot;a&quot; &amp; &lt;b&gt;\">&lt;script&gt;alert('x')&lt;/script&gt; &amp; more</p>\n"
        )
    }

    @Test(arguments: [0, 0x1F, 0x7F, 0x9F, 0xFFFE, 0xFDD0, 0x1FFFF] as [UInt32])
    func whatHTMLCannotHoldIsReplaced(value: UInt32) throws {
        let scalar = try #require(Unicode.Scalar(value))
        #expect(HTML.text("a\(scalar)\n\tb").rendered == "a\u{FFFD}\n\tb")
    }

    @Test func voidElementsHaveNoEnd() {
        #expect(HTML.element(.input, .id("x"), .hidden).rendered == "<input id=\"x\" hidden>")
        #expect(HTML.element(.div).rendered == "<div></div>\n")
    }

    @Test func theBuilderTakesConditionsAndLoops() {
        func list(_ names: [String], isOpen: Bool) -> String {
            HTML.element(.ul) {
                if isOpen { HTML.element(.li, text: "open") } else { HTML.element(.li, text: "shut") }
                for name in names { HTML.element(.li, text: name) }
            }.rendered
        }
        #expect(list(["a"], isOpen: true) == "<ul><li>open</li>\n<li>a</li>\n</ul>\n")
        #expect(list([], isOpen: false) == "<ul><li>shut</li>\n</ul>\n")
    }
}

struct ReportPageTests {
    private var page: ReportPage {
        var table = ReportTable(
            caption: "Methods",
            columns: [.init("Method"), .init("TPF", isNumeric: true, hint: "tokens per forward")],
            notes: ["A note."])
        table.rows.append(.init(id: "row", style: "ours", ["d3LLM <b>", "5.93"]))
        return ReportPage(
            title: "A & B", lead: "What it is.",
            sections: [
                ReportSection("one", "One") {
                    table.html
                    HTML.details("More") { HTML.command("d3llm run 'x'") }
                },
                ReportSection("two", "Two") { HTML.link("row", "the row") },
            ], data: "{\"text\":\"</script><script>alert(1)</script>\"}", footer: "The end.")
    }

    @Test func structureIsAsRecorded() throws {
        // Without the assets, which are files of their own.
        var text = page.rendered.replacing(ReportAssets.style, with: "")
        text = text.replacing(ReportAssets.script, with: "")
        // Hashes of the assets, which another test computes.
        text = text.replacing(ReportAssets.policy.text, with: "POLICY")
        try Snapshot.expect(text, matches: "page.html")
    }

    @Test func dataCannotEndItsElement() {
        let text = page.rendered
        #expect(!text.contains("alert(1)</script>"))
        #expect(text.contains("\\u003c/script\\u003e\\u003cscript\\u003ealert(1)\\u003c/script\\u003e"))
    }

    @Test func nothingIsLoadedFromElsewhere() {
        let text = page.rendered
        for sign in ["http:", "https:", "src=", "@import", "url("] {
            #expect(!text.contains(sign), "\(sign)")
        }
    }

    @Test func chartsKeepTheirWordsAndTakeThePagesColours() {
        let chart = LineChart(
            title: "A <chart>", xTitle: "x", yTitle: "y", series: [.init("s", points: [.init(x: 1, y: 2)])])
        let text = HTML.figure(chart, caption: "What it says & more").rendered
        #expect(text.contains("<title>A &lt;chart&gt;</title>"))
        #expect(text.contains("<figcaption>What it says &amp; more</figcaption>"))
        for colour in SeriesStyle.colours {
            #expect(ReportAssets.style.contains("[stroke=\"\(colour)\"]"))
            #expect(ReportAssets.style.contains("[fill=\"\(colour)\"]"))
        }
        // What the style sheet goes by: these values must stay those of the renderer.
        for paint in ["fill=\"#ffffff\"", "stroke=\"#e5e5e5\"", "stroke=\"#333333\""] {
            #expect(text.contains(paint))
            #expect(ReportAssets.style.contains("[\(paint)]"))
        }
    }
}
