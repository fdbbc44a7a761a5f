import Files
import SystemPackage
import TestSupport
import Testing

@testable import Notebooks

@Suite struct RecordedResultsTests {
    let folder: NotebookFolder

    init() throws { folder = try NotebookFolder() }

    private static let notebook =
        "A <!-- d3llm: value results/table.csv[first][Note] -->fast<!-- /d3llm --> one, and <!-- d3llm: value results/table.csv[first][Note] -->fast<!-- /d3llm -->."

    private func problem(_ text: String = notebook) throws -> String {
        let rendering = folder.rendered(text)
        #expect(rendering.findings.count == 1 && rendering.count(.results) == 1, "\(rendering.findings)")
        #expect(rendering.bytes == Array(text.utf8))
        return rendering.findings.first?.message ?? ""
    }

    @Test func wholeResultsAreTaken() throws {
        #expect(folder.rendered(Self.notebook).findings.isEmpty)
        try folder.writeChecksums()
        let rendering = folder.rendered(Self.notebook)
        #expect(rendering.findings.isEmpty && rendering.unchecked.isEmpty)
    }

    @Test func aChangedFileIsToldOnce() throws {
        try folder.write("Method,AUP,Each,Note\nfirst,1,1,fast\n", "table.csv")
        #expect(try problem().contains("table.csv isn't what the run made"))
    }

    @Test func aMissingFileIsTold() throws {
        try FileSystem.remove(folder.results.appending("figure.svg"))
        #expect(try problem().contains("figure.svg is missing"))
    }

    @Test func aChangedRecordIsTold() throws {
        let path = folder.results.appending("table-artifact.json")
        try FileSystem.writeAtomically(
            try FileSystem.readText(path).replacing("\"seed\": 1", with: "\"seed\": 2"), to: path)
        #expect(try problem().contains("its fingerprint isn't that of its recipe"))
    }

    @Test func theRecordOfAnotherRunIsTold() throws {
        let path = folder.results.appending("run.json")
        let text = try FileSystem.readText(path)
        try FileSystem.writeAtomically(
            text.replacing("\"stage\": \"table\"", with: "\"stage\": \"tables\""), to: path)
        #expect(try problem().contains("which has another artifact as table"))
        try FileSystem.writeAtomically(text.replacing("\"finished\",", with: "\"failed\","), to: path)
        #expect(try problem().contains("of a run that is failed"))
        try FileSystem.writeAtomically("{", to: path)
        #expect(try problem().contains("is no JSON"))
    }

    @Test func checksumsTellOfRecordsAndStrayFilesToo() throws {
        try folder.writeChecksums()
        let path = folder.results.appending("run.json")
        let text = try FileSystem.readText(path)
        try FileSystem.writeAtomically(text.replacing("Some CPU", with: "Other CPU"), to: path)
        #expect(try problem().contains("run.json isn't what was recorded"))
        try FileSystem.writeAtomically(text, to: path)
        try folder.write("new", "stray.md")
        #expect(try problem().contains("stray.md was not recorded"))
        try FileSystem.remove(folder.results.appending("stray.md"))
        try folder.write("no digest\n", "SHA256SUMS")
        #expect(try problem().contains("Line 1 of"))
    }

    @Test func filesWithoutADigestAreNamed() throws {
        try folder.write("a", "other.md")
        let rendering = folder.rendered("<!-- d3llm: table results/other.md -->\n\na\n\n<!-- /d3llm -->")
        #expect(rendering.findings.isEmpty && rendering.unchecked == ["results/other.md"])
        #expect(NotebookReport([rendering], isCheck: true).text.contains("no digest for results/other.md"))
    }

    @Test func contentWithMarkersIsRefused() throws {
        try folder.write("<!-- /d3llm -->", "other.md")
        #expect(
            try problem("<!-- d3llm: table results/other.md -->\n<!-- /d3llm -->").contains("marker in it"))
    }
}
