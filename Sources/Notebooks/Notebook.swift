package import ArtifactStore
internal import Base
internal import Files
internal import JSON
package import SystemPackage

/// A Markdown file of an experiment: prose by people, and blocks that recorded results are rendered into.
///
/// ```
/// <!-- d3llm: table results/seed-1/table.md -->
/// …
/// <!-- /d3llm -->
///
/// an AUP of <!-- d3llm: value results/seed-1/table.csv[d3LLM][AUP] as 0 -->594<!-- /d3llm -->
/// ```
/// docs/notebooks.md has all markers. What stands outside of blocks is never changed.
package struct Notebook: Sendable {
    /// What came of rendering a notebook.
    package struct Rendering: Sendable {
        /// The file, as it was given.
        package let path: FilePath
        /// How many blocks it has.
        package let blocks: Int
        /// What is the matter, in the order of the file; stale blocks among it.
        package let findings: [NotebookFinding]
        /// How many folders of recorded results were checked against their digests.
        package let checkedFolders: Int
        /// The runs in the store that recorded results were compared with, in order.
        package let comparedRuns: [String]
        /// Files that were used without a digest to check them against, in order.
        package let unchecked: [String]
        /// The bytes that the file should have: equal to those it has where nothing is stale.
        ///
        /// Blocks that can't be rendered stay as they are.
        package let bytes: [UInt8]

        /// How many findings are of a kind.
        package func count(_ kind: NotebookFinding.Kind) -> Int { findings.count { $0.kind == kind } }
    }

    private let path: FilePath
    private let bytes: [UInt8]

    /// Reads a notebook.
    ///
    /// - Throws: `FileError`, `FileEncodingError`.
    package init(_ path: FilePath) throws {
        self.path = path
        bytes = Array(try FileSystem.readText(path, mayBePipe: true).utf8)
    }

    /// A notebook that would stand at `path`.
    init(_ path: FilePath, bytes: [UInt8]) {
        self.path = path
        self.bytes = bytes
    }

    /// Renders all blocks.
    ///
    /// - Parameter store: Where runs are looked up: those that markers name, and those that results were recorded from.
    package func rendered(store: Store) -> Rendering {
        let parser = NotebookParser(bytes, name: path.string)
        var renderer = BlockRenderer(
            reader: SourceReader(notebook: path, names: parser.names, store: store))
        var findings = parser.findings
        var result: [UInt8] = []
        var end = 0
        for block in parser.blocks {
            result += bytes[end..<block.content.lowerBound]
            end = block.content.upperBound
            var content = Array(bytes[block.content])
            do {
                let text = try renderer.text(block)
                let new = Array(
                    (usesCRLF(block) ? text.byteText.replacing("\n", with: "\r\n").text : text).utf8)
                if new != content {
                    findings.append(
                        finding(.stale, StaleText(content, new, block).message, block, parser))
                }
                content = new
            } catch {
                let problem = error as? NotebookProblem ?? .results("\(error)")
                // What is the matter with a folder is said once, not for each block that shows something of it.
                let isKnown = problem.kind == .results && findings.contains { $0.message == problem.message }
                if !isKnown { findings.append(finding(problem.kind, problem.message, block, parser)) }
            }
            result += content
        }
        result += bytes[end...]
        return Rendering(
            path: path, blocks: parser.blocks.count,
            findings: findings.sorted { ($0.line, $0.column) < ($1.line, $1.column) },
            checkedFolders: renderer.reader.checkedFolders,
            comparedRuns: renderer.reader.comparedRuns.sorted(),
            unchecked: renderer.reader.unchecked.sorted(), bytes: result)
    }

    /// Whether the marker of a block of lines ends its line as Windows does.
    private func usesCRLF(_ block: NotebookBlock) -> Bool {
        !block.isInline && bytes[block.content.lowerBound...].first == UInt8(ascii: "\r")
    }

    private func finding(
        _ kind: NotebookFinding.Kind, _ message: String, _ block: NotebookBlock, _ parser: NotebookParser
    ) -> NotebookFinding {
        let (line, column) = parser.source.position(of: block.marker.lowerBound)
        return NotebookFinding(kind: kind, file: path.string, line: line, column: column, message: message)
    }
}

/// What a stale block says and what it should say.
private struct StaleText {
    let message: String

    init(_ old: [UInt8], _ new: [UInt8], _ block: NotebookBlock) {
        let (old, new) = (String(decoding: old, as: UTF8.self), String(decoding: new, as: UTF8.self))
        if block.isInline {
            message = "The text has \(Self.quoted(old)), the results give \(Self.quoted(new))."
            return
        }
        let oldLines = old.byteText.lines.map(\.text)
        let newLines = new.byteText.lines.map(\.text)
        let index =
            zip(oldLines, newLines).enumerated().first { $0.element.0 != $0.element.1 }?.offset
            ?? min(oldLines.count, newLines.count)
        func line(_ lines: [String]) -> String {
            lines.indices.contains(index) ? Self.quoted(lines[index]) : "nothing"
        }
        let first = "\(index) \(index == 1 ? "line" : "lines") below the marker"
        message =
            old.trimmed.isEmpty
            ? "The \(block.directive.kind) is empty yet."
            : "The \(block.directive.kind) differs first \(first): it has \(line(oldLines)), the results give \(line(newLines))."
    }

    private static func quoted(_ text: String) -> String {
        "\"\(text.count > 100 ? text.prefix(100) + "…" : text[...])\""
    }
}
