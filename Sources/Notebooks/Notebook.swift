package import ArtifactStore
internal import Base
internal import Files
package import JSON
internal import Reporting
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
        /// The pictures that its charts should be and aren't, with what has to be in them.
        package let pictures: [(path: FilePath, bytes: [UInt8])]

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
        var pictures: [(path: FilePath, bytes: [UInt8])] = []
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
                let drawn = renderer.takePictures()
                pictures += drawn
                if new == content, let picture = drawn.first {
                    findings.append(
                        finding(.stale, "\(picture.path) isn't what the results give.", block, parser))
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
            unchecked: renderer.reader.unchecked.sorted(), bytes: result, pictures: pictures)
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

/// Makes what stands between the markers of a block.
struct BlockRenderer {
    var reader: SourceReader
    private var pictures: [(path: FilePath, bytes: [UInt8])] = []

    init(reader: SourceReader) { self.reader = reader }

    /// The pictures of the last block that aren't as they should be.
    mutating func takePictures() -> [(path: FilePath, bytes: [UInt8])] {
        defer { pictures = [] }
        return pictures
    }

    /// - Throws: `NotebookProblem`, or any error of reading.
    mutating func text(_ block: NotebookBlock) throws -> String {
        let text = try rendered(block.directive)
        // It would end the block, or begin another, for whoever reads the notebook next.
        guard !text.byteText.contains("<!-- d3llm"), !text.byteText.contains("<!-- /d3llm") else {
            throw NotebookProblem.results("What it shows has a marker in it.")
        }
        return block.isInline ? text : "\n\n\(text)\n\n"
    }

    private mutating func rendered(_ directive: Directive) throws -> String {
        switch directive {
        case .table(let file): try table(file)
        case .figure(let file, let text): try figure(file, text)
        case .chart(let request): try chart(request)
        case .run(let folder): try reader.run(folder).text
        case .repetition(let folder): try reader.run(folder).repetition()
        case .value(let expression, let format): try value(expression, format)
        case .source: ""
        }
    }

    private mutating func table(_ file: String) throws -> String {
        let source = try reader.source(file)
        let text = try FileSystem.readText(source.path)
        var lines = text
        while let shorter = lines.byteText.dropping(suffix: "\n") ?? lines.byteText.dropping(suffix: "\r") {
            lines = shorter.text
        }
        switch source.path.extension {
        case "md": return lines
        case "txt":
            guard !lines.byteText.contains("```") else {
                throw NotebookProblem.marker(
                    "\(file) has ``` in it, which would end the code block around it.")
            }
            return "```\n\(lines)\n```"
        default:
            throw NotebookProblem.marker(
                "A table is a Markdown file (.md) or a text file (.txt); this is \(file).")
        }
    }

    private mutating func figure(_ file: String, _ text: String?) throws -> String {
        let source = try reader.source(file)
        guard let link = source.link else {
            throw NotebookProblem.marker(
                "A figure has to be recorded beside the notebook, since a link can't lead into a store.")
        }
        guard source.path.extension == "svg" else {
            throw NotebookProblem.marker("A figure is an SVG file; this is \(file).")
        }
        guard let text = try text ?? Self.title(ofSVG: try FileSystem.readText(source.path)) else {
            throw NotebookProblem.marker("\(file) has no title. Say in quotes behind it what it shows.")
        }
        return "![\(Markdown.text(text))](\(link))"
    }

    private mutating func chart(_ request: ChartRequest) throws -> String {
        let chart = try RecordedChart(request, &reader)
        for (file, svg) in [(request.file, chart.wide), (request.narrowFile, chart.narrow)] {
            let path = try reader.picture(file)
            let bytes = Array(svg.utf8)
            let isThere = FileSystem.exists(path)
            if try !isThere || FileSystem.read(path) != bytes { pictures.append((path, bytes)) }
        }
        return FigureStyle.picture(
            wide: request.file, narrow: request.narrowFile, text: "\(chart.title). \(chart.summary)")
    }

    private mutating func value(_ expression: Expression, _ format: NumberFormat?) throws -> String {
        var reader = reader
        let datum = try expression.value { reference throws(NotebookProblem) in try reader.datum(reference) }
        self.reader = reader
        switch datum {
        case .text(let text):
            guard format == nil else {
                throw NotebookProblem.marker("\"\(text)\" is no number, so that it can't be written as one.")
            }
            guard text.byteText.lines.count == 1 else {
                throw NotebookProblem.marker("A value in a sentence has one line.")
            }
            return Markdown.text(text)
        case .list(let numbers):
            throw NotebookProblem.marker(
                "These are \(numbers.count) numbers. Choose one with [1], or write min(…), max(…) or mean(…)."
            )
        case .number(let number):
            guard number.isFinite else {
                throw NotebookProblem.marker("It divides by zero.")
            }
            if let format { return format.text(number) }
            guard number == number.rounded(), number.magnitude < 1e15 else {
                throw NotebookProblem.marker(
                    "\(number) has to be rounded: say to how many digits, for example \"as 0.0\".")
            }
            return try NumberFormat("0").text(number)
        }
    }

    private static func title(ofSVG text: String) -> String? {
        guard let title = text.byteText.cut(at: "<title>")?.after.cut(at: "</title>")?.before else {
            return nil
        }
        return [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")]
            .reduce(title) { $0.replacing($1.0, with: $1.1) }.text
    }
}

/// Something about a notebook that people have to know, with its place.
package struct NotebookFinding: Sendable, Hashable, CustomStringConvertible {
    /// What has to be done about it.
    package enum Kind: String, Sendable, Hashable {
        /// A block doesn't show what the results say; rendering mends it.
        case stale
        /// A marker can't be understood, or what it names isn't there; its text has to be corrected.
        case marker
        /// Recorded results aren't whole, or aren't those of the run in the store.
        case results
    }

    package let kind: Kind
    /// The notebook, as its path was given.
    package let file: String
    /// The line, from 1.
    package let line: Int
    /// The column, from 1, in characters.
    package let column: Int
    /// What is wrong and what would be right, as sentences.
    package let message: String

    package var description: String { "\(file):\(line):\(column): \(kind.rawValue): \(message)" }
}

/// Why a marker can't be rendered; the notebook adds the place.
struct NotebookProblem: Error, Hashable {
    let kind: NotebookFinding.Kind
    let message: String

    static func marker(_ message: String) -> NotebookProblem {
        NotebookProblem(kind: .marker, message: message)
    }

    static func results(_ message: String) -> NotebookProblem {
        NotebookProblem(kind: .results, message: message)
    }
}

/// What `d3llm notebook` says of several notebooks.
package struct NotebookReport: Sendable {
    /// What came of each notebook, in the order given.
    package let renderings: [Notebook.Rendering]
    /// Whether files stay as they are.
    package let isCheck: Bool

    /// Joins what came of the notebooks.
    package init(_ renderings: [Notebook.Rendering], isCheck: Bool) {
        self.renderings = renderings
        self.isCheck = isCheck
    }

    /// How many findings of a kind there are in all notebooks.
    package func count(_ kind: NotebookFinding.Kind) -> Int {
        renderings.reduce(0) { $0 + $1.count(kind) }
    }

    /// One line for each finding and one for each notebook.
    package var text: String {
        renderings.map { rendering in
            var lines: [String] = rendering.findings.filter { isCheck || $0.kind != .stale }
                .map(\.description)
            lines.append("\(rendering.path): \(summary(rendering))")
            if isCheck, rendering.count(.stale) > 0 {
                lines.append("Mend it with: d3llm notebook \(ShellWord.quoted(rendering.path.string))")
            }
            return lines.joined(separator: "\n") + "\n"
        }.joined()
    }

    private func summary(_ rendering: Notebook.Rendering) -> String {
        let stale = rendering.count(.stale)
        let wrong = rendering.count(.marker) + rendering.count(.results)
        var parts = [Self.counted(rendering.blocks, "block")]
        if stale > 0 { parts.append(isCheck ? "\(stale) stale" : "\(stale) rendered again") }
        if wrong > 0 { parts.append(Self.counted(wrong, "problem")) }
        if stale + wrong == 0 { parts.append("all as recorded") }
        parts.append(
            Self.counted(rendering.checkedFolders, "folder") + " of results checked against digests")
        if !rendering.comparedRuns.isEmpty {
            parts.append(Self.counted(rendering.comparedRuns.count, "run") + " compared with the store")
        }
        if !rendering.unchecked.isEmpty {
            parts.append("no digest for \(rendering.unchecked.joined(separator: ", "))")
        }
        return parts.joined(separator: "; ") + "."
    }

    private static func counted(_ count: Int, _ noun: String) -> String {
        "\(count) \(noun)\(count == 1 ? "" : "s")"
    }

    /// The same as JSON: `{"notebooks": [{"file", "blocks", "findings": [{"kind", "line", "column", "message"}], …}]}`.
    package var value: JSONValue {
        [
            "notebooks": .array(
                renderings.map { rendering in
                    [
                        "file": .string(rendering.path.string), "blocks": .integer(rendering.blocks),
                        "findings": .array(
                            rendering.findings.map {
                                [
                                    "kind": .string($0.kind.rawValue), "line": .integer($0.line),
                                    "column": .integer($0.column), "message": .string($0.message),
                                ]
                            }),
                        "checkedFolders": .integer(rendering.checkedFolders),
                        "comparedRuns": .array(rendering.comparedRuns.map { .string($0) }),
                        "unchecked": .array(rendering.unchecked.map { .string($0) }),
                    ]
                })
        ]
    }
}
