internal import Base
internal import Recipes

/// What a marker asks for.
enum Directive {
    /// A recorded table.
    case table(String)
    /// A link to a figure; its own title unless the marker gives another text for those who don't see it.
    case figure(String, text: String?)
    /// Which run the results are of.
    case run(String)
    /// The commands that make the results again.
    case repetition(String)
    /// A number in a sentence.
    case value(Expression, NumberFormat?)
    /// A short name for a file or for a place in it; shows nothing.
    case source(name: String, Expression.Reference)

    /// The words that markers begin with.
    static let kinds = ["table", "figure", "run", "repeat", "value", "source"]

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
