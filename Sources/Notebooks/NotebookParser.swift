internal import Base
internal import JSON
internal import Recipes

/// What stands between a marker and the one that closes it.
struct NotebookBlock {
    let directive: Directive
    /// Whether it stands in a sentence or a cell instead of between lines.
    let isInline: Bool
    /// Bytes of the opening marker.
    let marker: Range<Int>
    /// Bytes between the markers: what is rendered.
    let content: Range<Int>
}

/// Finds the blocks of a notebook.
///
/// A block begins with `<!-- d3llm: … -->` and ends with `<!-- /d3llm -->`. Blocks don't nest.
struct NotebookParser {
    let source: SourceText
    private let bytes: [UInt8]
    private(set) var blocks: [NotebookBlock] = []
    /// Files and places in them by the names that `source` gives them.
    private(set) var names: [String: Expression.Reference] = [:]
    private(set) var findings: [NotebookFinding] = []

    init(_ bytes: [UInt8], name: String) {
        self.bytes = bytes
        source = SourceText(name: name, bytes: bytes)
        parse()
    }

    private mutating func parse() {
        var scanner = MarkdownScanner(bytes)
        var position = 0
        // Each marker that isn't closed is looked for to the end of the text.
        while findings.count < 100, let comment = scanner.next(from: position) {
            position = comment.range.upperBound
            guard comment.isOurs else { continue }
            guard !comment.isUnclosed else {
                add("This marker isn't closed: --> is missing.", at: comment.range.lowerBound)
                continue
            }
            guard comment.text != Self.closing else {
                add("This closes a block, but none is open here.", at: comment.range.lowerBound)
                continue
            }
            do throws(NotebookProblem) {
                let directive = try Directive(comment.text)
                if case .source(let name, let place) = directive {
                    try declare(name, place)
                    continue
                }
                position = try parseBlock(directive, comment, scanner)
            } catch {
                add(error.message, at: comment.range.lowerBound)
            }
        }
    }

    /// - Returns: Where the block ends.
    private mutating func parseBlock(
        _ directive: Directive, _ comment: MarkdownScanner.Comment, _ scanner: MarkdownScanner
    ) throws(NotebookProblem) -> Int {
        let start = comment.range.upperBound
        var position = start
        var end: MarkdownScanner.Comment?
        while end == nil, let next = scanner.nextInBlock(from: position) {
            position = next.range.upperBound
            if next.isOurs { end = next }
        }
        guard let end, end.text == Self.closing, !end.isUnclosed else {
            let other = end.map {
                " before another begins in line \(source.position(of: $0.range.lowerBound).line)"
            }
            throw .marker("This block isn't closed\(other ?? ""). Write <!-- \(Self.closing) --> behind it.")
        }
        let isInline = directive.kind == "value" || (directive.kind == "figure" && !isAlone(comment.range))
        if isInline {
            if startsItsLine(comment.range.lowerBound) {
                throw .marker(
                    "A \(directive.kind) can't begin a line: Markdown would take the whole line for HTML. Put a word in front of it."
                )
            }
            // An end marker that was lost would let it take the place of all up to the next one.
            let content = bytes[start..<end.range.lowerBound]
            guard content.count <= Self.longestInline else {
                throw .marker(
                    "More than a \(directive.kind) stands here up to line \(source.position(of: end.range.lowerBound).line). Write <!-- \(Self.closing) --> behind it."
                )
            }
        } else if !isAlone(comment.range) || !isAlone(end.range) {
            throw .marker(
                "The markers around a \(directive.kind) stand alone in their lines, without spaces in front of them."
            )
        }
        blocks.append(
            NotebookBlock(
                directive: directive, isInline: isInline, marker: comment.range,
                content: start..<end.range.lowerBound))
        return end.range.upperBound
    }

    private mutating func declare(_ name: String, _ place: Expression.Reference) throws(NotebookProblem) {
        if let other = names[name] { throw .marker("The name \(name) stands for \(other.file) already.") }
        names[name] = place
    }

    private mutating func add(_ message: String, at offset: Int) {
        let (line, column) = source.position(of: offset)
        findings.append(
            NotebookFinding(kind: .marker, file: source.name, line: line, column: column, message: message))
    }

    /// Whether nothing but signs of lists and quotes stands before a place in its line.
    private func startsItsLine(_ offset: Int) -> Bool {
        let line = bytes[..<offset].reversed().prefix { $0 != UInt8(ascii: "\n") }.reversed()
        let words = String(decoding: line, as: UTF8.self).byteText.split(" ")
        return words.allSatisfy { word in
            ["*", "-", "+", ">"].contains(word)
                || ((word.dropping(suffix: ".") ?? word.dropping(suffix: ")"))?.isDigits ?? false)
        }
    }

    private func isAlone(_ range: Range<Int>) -> Bool {
        let isFirst = range.lowerBound == 0 || bytes[range.lowerBound - 1] == UInt8(ascii: "\n")
        let rest = bytes[range.upperBound...].prefix { $0 != UInt8(ascii: "\n") }
        return isFirst && rest.allSatisfy { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\r") }
    }

    static let closing = "/d3llm"
    /// In bytes; links to figures are the longest.
    private static let longestInline = 500
}

extension MarkdownScanner.Comment {
    /// Whether it is meant for this program, however it is spelt.
    var isOurs: Bool {
        let text = text.byteText.asciiLowercased
        guard let rest = (text.dropping(prefix: "/") ?? text).dropping(prefix: "d3llm") else { return false }
        let next = rest.text.unicodeScalars.first?.properties
        return next.map { !$0.isAlphabetic && $0.numericType == nil } ?? true
    }
}

extension ByteText {
    /// Whether it consists of digits.
    fileprivate var isDigits: Bool {
        !isEmpty && bytes.allSatisfy { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }
    }
}

/// Finds the HTML comments of a Markdown text that Markdown takes for comments.
///
/// What stands in code fences, in code spans or after a backslash is text to Markdown, so that documents can show
/// markers without meaning them.
struct MarkdownScanner {
    /// One comment.
    struct Comment {
        /// Bytes from `<!--` to `-->`.
        let range: Range<Int>
        /// What it says, without white space around it.
        let text: String
        /// Whether the end of the file came before `-->`.
        let isUnclosed: Bool
    }

    private let bytes: [UInt8]
    private var fence: (byte: UInt8, count: Int)?

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// The next comment at or after `start`, which is outside of code unless an earlier call left a fence open.
    mutating func next(from start: Int) -> Comment? {
        var i = start
        while i < bytes.count {
            if i == 0 || bytes[i - 1] == UInt8(ascii: "\n"), let after = lineOfFence(at: i) {
                i = after
                continue
            }
            switch bytes[i] {
            case UInt8(ascii: "\\"): i += 2
            case UInt8(ascii: "`"): i = endOfCodeSpan(at: i)
            case UInt8(ascii: "<"):
                if let comment = comment(at: i) { return comment }
                i += 1
            default: i += 1
            }
        }
        return nil
    }

    /// The next comment at or after `start`, wherever it stands: what a block holds is the renderer's.
    func nextInBlock(from start: Int) -> Comment? {
        (start..<max(start, bytes.count)).lazy.compactMap { comment(at: $0) }.first
    }

    private func comment(at start: Int) -> Comment? {
        let open = Array("<!--".utf8)
        let close = Array("-->".utf8)
        guard bytes[start...].starts(with: open) else { return nil }
        let inner = start + open.count
        var end = inner
        while end < bytes.count, !bytes[end...].starts(with: close) { end += 1 }
        let isUnclosed = end >= bytes.count
        // Of a comment that never ends, the first line is enough to say whose it is.
        let last = isUnclosed ? bytes[inner...].firstIndex(of: UInt8(ascii: "\n")) ?? bytes.count : end
        let text = String(decoding: bytes[inner..<last], as: UTF8.self)
        return Comment(
            range: start..<(isUnclosed ? inner : end + close.count), text: text.trimmed,
            isUnclosed: isUnclosed)
    }

    /// The start of the next line if the one at `start` opens, closes or is inside of a code fence.
    private mutating func lineOfFence(at start: Int) -> Int? {
        let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) ?? bytes.count
        let line = bytes[start..<end].drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
        let mark = line.first ?? 0
        let count = line.prefix { $0 == mark }.count
        let rest = line.dropFirst(count)
        if let open = fence {
            let isBlank = rest.allSatisfy { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\r") }
            if mark == open.byte, count >= open.count, isBlank { fence = nil }
        } else if count >= 3, mark == UInt8(ascii: "~") || mark == UInt8(ascii: "`"),
            mark == UInt8(ascii: "~") || !rest.contains(mark)
        {
            fence = (mark, count)
        } else {
            return nil
        }
        return min(end + 1, bytes.count)
    }

    /// The end of the code span that begins at a backtick; where none closes it in the paragraph, of the backticks.
    private func endOfCodeSpan(at start: Int) -> Int {
        func run(at i: Int) -> Int { bytes[i...].prefix { $0 == UInt8(ascii: "`") }.count }
        let count = run(at: start)
        var i = start + count
        while i < bytes.count {
            if bytes[i] == UInt8(ascii: "`") {
                let other = run(at: i)
                if other == count { return i + count }
                i += other
            } else if bytes[i] == UInt8(ascii: "\n"), isBlankLine(at: i + 1) {
                break
            } else {
                i += 1
            }
        }
        return start + count
    }

    private func isBlankLine(at start: Int) -> Bool {
        guard start < bytes.count else { return true }
        let line = bytes[start...].prefix { $0 != UInt8(ascii: "\n") }
        return line.allSatisfy {
            $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") || $0 == UInt8(ascii: "\r")
        }
    }
}

extension StringProtocol {
    /// Without white space at either end.
    var trimmed: String {
        let start = unicodeScalars.drop { $0.properties.isWhitespace }
        let count = start.reversed().drop { $0.properties.isWhitespace }.count
        return String(String.UnicodeScalarView(start.prefix(count)))
    }
}

/// What a marker asks for.
enum Directive {
    /// A recorded table.
    case table(String)
    /// A link to a figure; its own title unless the marker gives another text for those who don't see it.
    case figure(String, text: String?)
    /// A picture that is drawn from recorded tables.
    case chart(ChartRequest)
    /// Which run the results are of.
    case run(String)
    /// The commands that make the results again.
    case repetition(String)
    /// A number in a sentence.
    case value(Expression, NumberFormat?)
    /// A short name for a file or for a place in it; shows nothing.
    case source(name: String, Expression.Reference)

    /// The words that markers begin with.
    static let kinds = ["table", "figure", "chart", "run", "repeat", "value", "source"]

    /// - Parameter text: The text of a comment, `d3llm: table FILE`.
    init(_ text: String) throws(NotebookProblem) {
        guard text.byteText.hasPrefix("d3llm:") else {
            throw .marker("Markers begin with \"d3llm:\" or are \"/d3llm\"; this is \"\(text.prefix(40))\".")
        }
        let body = Substring(text.unicodeScalars.dropFirst("d3llm:".unicodeScalars.count)).trimmed
        let kind = String(body.unicodeScalars.prefix { !$0.properties.isWhitespace })
        let rest = Substring(body.unicodeScalars.dropFirst(kind.unicodeScalars.count)).trimmed
        switch kind {
        case "table": self = .table(try Self.file(rest, kind))
        case "figure": self = try Self.figure(rest)
        case "chart": self = .chart(try ChartRequest(rest))
        case "run": self = .run(try Self.file(rest, kind))
        case "repeat": self = .repetition(try Self.file(rest, kind))
        case "value": self = try Self.value(rest)
        case "source": self = try Self.source(rest)
        default:
            let hint = NearestName.nearest(to: kind, among: Self.kinds).map { "Did you mean \"\($0)\"?" }
            throw .marker(
                "No marker is called \"\(kind)\". \(hint ?? "There are \(Self.kinds.joined(separator: ", ")).")"
            )
        }
    }

    var kind: String {
        switch self {
        case .table: "table"
        case .figure: "figure"
        case .chart: "chart"
        case .run: "run"
        case .repetition: "repeat"
        case .value: "value"
        case .source: "source"
        }
    }

    private static func figure(_ text: String) throws(NotebookProblem) -> Directive {
        guard let (before, after) = text.byteText.cut(at: "\""), let words = after.dropping(suffix: "\"")
        else {
            return .figure(try file(text, "figure"), text: nil)
        }
        guard !words.contains("\"") else { throw .marker("A figure has one text in quotes.") }
        return .figure(try file(before.text.trimmed, "figure"), text: words.text)
    }

    private static func value(_ text: String) throws(NotebookProblem) -> Directive {
        guard let (expression, format) = text.byteText.cut(atLast: " as "), !format.contains("]") else {
            return .value(try Expression(text), nil)
        }
        return .value(try Expression(expression.text), try NumberFormat(format.text.trimmed))
    }

    private static func source(_ text: String) throws(NotebookProblem) -> Directive {
        let parts = text.byteText.split("=", maxSplits: 1).map(\.text.trimmed)
        guard parts.count == 2, !parts[0].isEmpty,
            parts[0].unicodeScalars.allSatisfy({
                $0.properties.isAlphabetic || $0.properties.numericType != nil || $0 == "-"
            }),
            case let tokens = try ExpressionParser.tokens(of: parts[1]), case .word(let file)? = tokens.first
        else {
            throw .marker(
                "A source is written as \"source NAME = FILE\" or \"source NAME = FILE[row]\", NAME of letters, digits and hyphens."
            )
        }
        var keys: [String] = []
        for token in tokens.dropFirst() {
            guard case .key(let key) = token else {
                throw .marker(
                    "A source names a file or a place in it; \"\(token.text)\" isn't expected there.")
            }
            keys.append(key)
        }
        return .source(name: parts[0], Expression.Reference(file: file, keys: keys))
    }

    private static func file(_ text: String, _ kind: String) throws(NotebookProblem) -> String {
        guard !text.isEmpty else { throw .marker("A \(kind) needs the file or folder that it is of.") }
        guard !text.unicodeScalars.contains(where: \.properties.isWhitespace) else {
            throw .marker("A \(kind) names one file or folder without spaces; this is \"\(text)\".")
        }
        return text
    }
}

/// Text of others in Markdown.
enum Markdown {
    /// Text that can't start emphasis, code, a link, a cell or a tag, on one line.
    static func text(_ text: String) -> String {
        var result = String.UnicodeScalarView()
        // As scalars: a sign beside a combining mark means the same.
        for scalar in text.visible.unicodeScalars {
            if "\\|*_`<[]".unicodeScalars.contains(scalar) { result.append("\\") }
            result.append(scalar)
        }
        return String(result)
    }

    /// A code span, with a fence that is longer than any run of backticks in the text.
    static func code(_ text: String) -> String {
        let text = text.visible
        var (run, longest) = (0, 0)
        for byte in text.utf8 {
            run = byte == UInt8(ascii: "`") ? run + 1 : 0
            longest = max(longest, run)
        }
        let fence = String(repeating: "`", count: longest + 1)
        // A space at each end is taken off again: a backtick there isn't taken for the fence.
        return longest == 0 ? "`\(text)`" : "\(fence) \(text) \(fence)"
    }
}
