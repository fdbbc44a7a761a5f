import SystemPackage
import TestSupport
import Testing

@testable import Notebooks

@Suite struct MarkerTests {
    let folder: NotebookFolder

    init() throws { folder = try NotebookFolder() }

    @Test(
        arguments: [
            ("<!-- d3llm: tabel results/table.md -->\n<!-- /d3llm -->", "1:1", "Did you mean \"table\"?"),
            ("<!-- d3llm: -->\n<!-- /d3llm -->", "1:1", "No marker is called \"\""),
            (
                "<!-- d3llm table results/table.md -->\n<!-- /d3llm -->", "1:1",
                "Markers begin with \"d3llm:\""
            ),
            ("<!-- D3LLM: table results/table.md -->\n<!-- /d3llm -->", "1:1", "Markers begin with"),
            (
                "text\n<!-- d3llm: table results/table.md -->\ntext", "2:1",
                "isn't closed. Write <!-- /d3llm -->"
            ),
            (
                "<!-- d3llm: table results/table.md -->\n\n<!-- d3llm: table results/table.md -->\n<!-- /d3llm -->",
                "1:1", "isn't closed before another begins in line 3"
            ),
            ("text\n\n<!-- /d3llm -->", "3:1", "none is open here"),
            ("a <!-- d3llm: value results/table.csv[first][AUP] as 0", "1:3", "--> is missing"),
            ("<!-- d3llm: table results/tabel.md -->\n<!-- /d3llm -->", "1:1", "Did you mean \"table.md\"?"),
            ("<!-- d3llm: table nowhere/t.md -->\n<!-- /d3llm -->", "1:1", "nowhere/t.md isn't there"),
            ("<!-- d3llm: table /etc/passwd -->\n<!-- /d3llm -->", "1:1", "has to be relative"),
            ("<!-- d3llm: table results/table.csv -->\n<!-- /d3llm -->", "1:1", "this is results/table.csv"),
            ("<!-- d3llm: table -->\n<!-- /d3llm -->", "1:1", "needs the file or folder"),
            (" <!-- d3llm: table results/table.md -->\n<!-- /d3llm -->", "1:2", "stand alone in their lines"),
            ("<!-- d3llm: table results/table.md --> <!-- /d3llm -->", "1:1", "stand alone in their lines"),
            (
                "one\n* <!-- d3llm: value results/table.csv[first][AUP] as 0 --><!-- /d3llm -->", "2:3",
                "can't begin a line"
            ),
            (
                "A <!-- d3llm: value results/table.csv[first][AUP] as 0 -->594 \(String(repeating: "prose ", count: 99))<!-- /d3llm -->",
                "1:3", "More than a value"
            ),
            ("<!-- d3llm: run results/table.md -->\n<!-- /d3llm -->", "1:1", "isn't there"),
            ("<!-- d3llm: source a results -->", "1:1", "source NAME = FILE"),
            ("<!-- d3llm: source a = b.csv + 1 -->", "1:1", "\"+\" isn't expected there"),
            (
                "<!-- d3llm: source a = b.csv[c] -->\n<!-- d3llm: table a -->\n<!-- /d3llm -->", "2:1",
                "stands for a place in b.csv"
            ),
            (
                "<!-- d3llm: source a = b.csv -->\n<!-- d3llm: source a = c.csv -->", "2:1",
                "stands for b.csv already"
            ),
            (
                "<!-- d3llm: table run:mini/none@table/table.md -->\n<!-- /d3llm -->", "1:1",
                "No experiment has run"
            ),
            ("<!-- d3llm: table run:mini/none -->\n<!-- /d3llm -->", "1:1", "run:RUN@STAGE/FILE"),
        ])
    func mistakesAreToldWithTheirPlace(text: String, place: String, message: String) throws {
        let rendering = folder.rendered(text)
        let finding = try #require(rendering.findings.first)
        #expect(finding.kind == .marker)
        #expect("\(finding.line):\(finding.column)" == place)
        #expect(finding.message.contains(message), "\(finding.message)")
        #expect(rendering.count(.stale) > 0 || rendering.bytes == Array(text.utf8))
    }

    @Test func blocksAfterAMistakeAreStillRendered() throws {
        let rendering = folder.rendered(
            "<!-- d3llm: table results/table.md -->\n\n<!-- d3llm: table results/table.md -->\n<!-- /d3llm -->\n"
        )
        #expect(rendering.count(.marker) == 1 && rendering.count(.stale) == 1)
        #expect(String(decoding: rendering.bytes, as: UTF8.self).contains("| x | 1 |"))
    }

    @Test(
        arguments: [
            "```\n<!-- d3llm: x -->\n```\n", "~~~ md\n<!-- /d3llm -->\n```\n~~~~\n",
            "A `<!-- d3llm: x -->` b",
            "``<!-- d3llm: ` -->``", "\\<!-- d3llm: x -->", "  ```` \n```\n<!-- d3llm -->\n````\n",
            "a `b\nc <!-- d3llm: x -->` d",
        ])
    func codeIsNoMarker(text: String) throws {
        #expect(folder.rendered(text).findings.isEmpty)
    }

    @Test(arguments: [
        "```a```\n<!-- /d3llm -->", "a `b\n\n<!-- d3llm: x -->` d", "```\n```\n<!-- d3llm: x -->",
    ])
    func whatOnlyLooksLikeCodeHidesNothing(text: String) throws {
        #expect(folder.rendered(text).count(.marker) == 1)
    }
}
