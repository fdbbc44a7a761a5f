/// A parsed JSON file that still knows where each value stands.
///
/// Foundation's decoder gives neither line nor column on Linux, and every message about a configuration
/// needs both; so nodes carry byte ranges and the document turns them into positions.
public struct JSONDocument: Sendable {
    /// The value that the whole file is.
    public let root: JSONNode
    /// The text that the nodes' ranges point into.
    public let source: SourceText

    /// Parses the UTF-8 bytes of one JSON value.
    ///
    /// - Parameters:
    ///   - bytes: The whole file. A byte order mark at its start is skipped.
    ///   - name: What messages call the file.
    ///   - allowComments: Accepts `// …` and `/* … */` wherever white space may stand.
    ///   - allowNonFinite: Accepts `NaN`, `Infinity` and `-Infinity` as numbers, which Python's json writes and reads.
    /// - Throws: `JSONSyntaxError` for the first byte that breaks the grammar of RFC 8259, for a key that an
    ///   object holds twice, for nesting deeper than `JSONDocument.maximumDepth` and for more values than
    ///   `JSONDocument.maximumValues`.
    public init(
        parsing bytes: [UInt8], name: String, allowComments: Bool = false, allowNonFinite: Bool = false
    ) throws(JSONSyntaxError) {
        let source = SourceText(name: name, bytes: bytes)
        var parser = JSONParser(
            source, bytes: bytes, allowComments: allowComments, allowNonFinite: allowNonFinite)
        do throws(JSONParser.Failure) {
            self.root = try parser.parseDocument()
        } catch {
            let (line, column) = source.position(of: error.offset)
            throw JSONSyntaxError(
                name: name, line: line, column: column, message: error.message,
                excerpt: source.excerpt(at: error.offset))
        }
        self.source = source
    }

    /// What messages call this document: usually the path of the file.
    public var name: String { source.name }

    /// How deep arrays and objects may be nested: enough for any configuration, too little to exhaust a stack.
    public static let maximumDepth = 256

    /// How many values, those within others included, may stand in one document: two bytes each are enough for one, and it
    /// takes a hundred in memory.
    public static let maximumValues = 1 << 24

    /// The line and the column (both from 1, columns in characters) of a byte offset.
    public func position(of offset: Int) -> (line: Int, column: Int) { source.position(of: offset) }

    /// The text of line `n` (from 1) without its line break; empty when there is no such line.
    public func line(_ n: Int) -> String { source.line(n) }

    /// The line that holds `offset`, shortened when it is very long, and under it a caret at `offset`.
    public func excerpt(at offset: Int) -> String { source.excerpt(at: offset) }
}
