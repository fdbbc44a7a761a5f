import Files
import SystemPackage
import TestSupport
import Testing

@testable import Notebooks

@Suite struct NotebookTests {
    let folder: NotebookFolder

    init() throws { folder = try NotebookFolder() }

    @Test func blocksShowWhatTheyName() throws {
        try folder.writeChecksums()
        let text = try folder.text(
            """
            # Title
            <!-- d3llm: source t = results/table.csv -->
            <!-- d3llm: table results/table.md -->
            <!-- /d3llm -->
            <!-- d3llm: table results/table.txt -->
            old
            <!-- /d3llm -->
            <!-- d3llm: figure results/figure.svg -->
            <!-- /d3llm -->
            <!-- d3llm: figure results/figure.svg "curves" -->
            <!-- /d3llm -->
            <!-- d3llm: run results -->
            <!-- /d3llm -->
            <!-- d3llm: repeat results -->
            <!-- /d3llm -->
            <!-- d3llm: source each = results/table.csv[first][Each] -->
            An AUP of <!-- d3llm: value t[first][AUP] as 0 -->?<!-- /d3llm -->, from
            over <!-- d3llm: value min(each[*]) as 0.0 -->?<!-- /d3llm --> up.
            """)
        let recorded = try Snapshots.recorded("notebooks/rendered.md", now: text)
        #expect(text == recorded)
    }

    @Test func aSecondRenderingChangesNothing() throws {
        let once = try folder.text(Self.everything)
        let again = folder.rendered(once)
        #expect(again.findings.isEmpty && again.bytes == Array(once.utf8))
        #expect(again.blocks == 5 && again.checkedFolders == 1)
    }

    @Test func linesThatEndAsOnWindowsStaySo() throws {
        let text = try folder.text(Self.everything.replacing("\n", with: "\r\n"))
        #expect(text.unicodeScalars.count { $0 == "\n" } == text.utf8.count { $0 == 13 })
        #expect(folder.rendered(text).findings.isEmpty)
    }

    /// Texts are damaged at random: whatever becomes of the markers, nothing outside of blocks may change.
    @Test func textOutsideOfBlocksIsNeverTouched() throws {
        var mutations = Mutations(
            [
                "<!-- d3llm: table results/table.md -->", "<!-- /d3llm -->", "```\n", "`", "\n", "<!--",
                "-->", "\\", "é", "\r\n",
            ]
            .map { Array($0.utf8) })
        var rendered = 0
        for _ in 0..<400 {
            let text = String(decoding: mutations.mutated(Array(Self.everything.utf8)), as: UTF8.self)
            let rendering = folder.rendered(text)
            let old = NotebookParser(Array(text.utf8), name: "old")
            let new = NotebookParser(rendering.bytes, name: "new")
            #expect(outside(Array(text.utf8), old) == outside(rendering.bytes, new), "\(text)")
            let again = folder.rendered(String(decoding: rendering.bytes, as: UTF8.self))
            #expect(again.bytes == rendering.bytes && again.count(.stale) == 0, "\(text)")
            rendered += rendering.count(.stale)
        }
        #expect(rendered > 800)
    }

    private func outside(_ bytes: [UInt8], _ parser: NotebookParser) -> [[UInt8]] {
        var parts: [[UInt8]] = []
        var end = 0
        for block in parser.blocks {
            parts.append(Array(bytes[end..<block.content.lowerBound]))
            end = block.content.upperBound
        }
        return parts + [Array(bytes[end...])]
    }

    @Test func staleBlocksSayWhereAndWhatDiffers() throws {
        let fresh = try folder.text(Self.everything)
        let stale = fresh.replacing("-->594<!--", with: "-->595<!--").replacing(
            "| x | 1 |", with: "| x | 2 |")
        let rendering = folder.rendered(stale)
        #expect(rendering.findings.map(\.kind) == [.stale, .stale])
        #expect(
            rendering.findings[0].description
                == "\(folder.notebook):3:1: stale: The table differs first 6 lines below the marker: it has \"| x | 2 |\", the results give \"| x | 1 |\"."
        )
        #expect(rendering.findings[1].message == "The text has \"595\", the results give \"594\".")
        #expect(rendering.findings[1].line == 33 && rendering.findings[1].column == 14)
        #expect(rendering.bytes == Array(fresh.utf8))
        let report = NotebookReport([rendering], isCheck: true)
        #expect(report.text.hasSuffix("Mend it with: d3llm notebook \(folder.notebook)\n"))
        #expect(report.count(.stale) == 2)
    }

    static let everything = """
        # Notebook

        <!-- d3llm: table results/table.md -->
        <!-- /d3llm -->

        Text with `code`, <!-- another comment --> and more.

        <!-- d3llm: figure results/figure.svg -->
        <!-- /d3llm -->
        <!-- d3llm: run results -->
        <!-- /d3llm -->

        ```
        <!-- d3llm: unknown -->
        ```

        * a value of <!-- d3llm: value results/table.csv[first][AUP] as 0 -->?<!-- /d3llm -->, and
          another, <!-- d3llm: value results/table.csv[first][Note] --><!-- /d3llm -->.

        The end, without a line break
        """
}
