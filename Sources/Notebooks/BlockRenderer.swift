internal import Base
internal import Files
internal import SystemPackage

/// Makes what stands between the markers of a block.
struct BlockRenderer {
    var reader: SourceReader

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
