public import Base

/// A JSON value and the place of the document that it was read from.
///
/// A tree may be put together from several documents (files that extend one another, arguments of the command line):
/// each value knows its own text.
public struct JSONNode: Sendable {
    /// The six kinds of JSON values.
    public enum Value: Sendable {
        case null
        case bool(Bool)
        case number(JSONNumber)
        case string(String)
        case array([JSONNode])
        case object([JSONMember])
    }

    /// What was read.
    public package(set) var value: Value
    /// Where it stands.
    package var origin: Origin

    /// Byte offsets into the document.
    public var range: Range<Int> { origin.range }

    /// Joins a value with the place that it came from.
    package init(value: Value, origin: Origin) {
        self.value = value
        self.origin = origin
    }

    /// The member `key` of an object, compared by bytes; nil when there is none or this is no object.
    public subscript(key: String) -> JSONNode? { member(key)?.value }

    /// The same with its key; nil when there is none or this is no object.
    package func member(_ key: String) -> JSONMember? {
        guard case .object(let members) = value else { return nil }
        return members.first { $0.key.hasSameBytes(as: key) }
    }

    /// The text, if this is a string.
    public var string: String? { if case .string(let string) = value { string } else { nil } }
    /// The number, if this is one that is whole and fits in `Int`.
    public var int: Int? { if case .number(let number) = value { number.int } else { nil } }
    /// The nearest finite double, if this is a number that has one.
    public var double: Double? { if case .number(let number) = value { number.double } else { nil } }
    /// The truth value, if this is `true` or `false`.
    public var bool: Bool? { if case .bool(let bool) = value { bool } else { nil } }
    /// The elements, if this is an array.
    public var array: [JSONNode]? { if case .array(let array) = value { array } else { nil } }
    /// The members in file order, if this is an object.
    public var members: [JSONMember]? { if case .object(let members) = value { members } else { nil } }
    /// Whether this is `null`.
    public var isNull: Bool { if case .null = value { true } else { false } }

    /// What messages call this kind of value: "a string", "an object".
    public var kindName: String {
        switch value {
        case .null: "null"
        case .bool: "a truth value"
        case .number: "a number"
        case .string: "a string"
        case .array: "an array"
        case .object: "an object"
        }
    }

    /// The value as a message shows it: short ones themselves, long ones by what they are.
    package var shown: String {
        switch value {
        case .null: "null"
        case .bool(let bool): bool ? "true" : "false"
        case .number(let number): number.text
        case .string(let string):
            string.count <= 40 ? "\"\(string)\"" : "a string of \(string.count) characters"
        case .array(let array): array.isEmpty ? "an empty list" : "a list"
        case .object: "an object"
        }
    }
}

extension JSONNode {
    /// An empty object of a document that has no text.
    package static func nothing(_ name: String) -> JSONNode {
        JSONNode(value: .object([]), origin: Origin(source: SourceText(name: name, bytes: []), range: 0..<0))
    }

    /// A value that stands in no text; messages about it point at `origin`.
    package init(_ value: JSONValue, at origin: Origin) {
        self.origin = origin
        self.value =
            switch value {
            case .null: .null
            case .bool(let bool): .bool(bool)
            case .integer(let integer): .number(JSONNumber(text: "\(integer)"))
            case .number(let number): .number(JSONNumber(text: "\(number)"))
            case .string(let string): .string(string)
            case .array(let elements): .array(elements.map { JSONNode($0, at: origin) })
            case .object(let object):
                .object(
                    object.members.map {
                        JSONMember(key: $0.key, keyOrigin: origin, value: JSONNode($0.value, at: origin))
                    })
            }
    }

    /// The same value in another text, in which the first byte of this one's stands at `base`.
    package func moved(to source: SourceText, at base: Int) -> JSONNode {
        func moved(_ origin: Origin) -> Origin {
            Origin(
                source: source,
                range: origin.range.lowerBound + base..<origin.range.upperBound + base)
        }
        let value: Value =
            switch self.value {
            case .array(let array): .array(array.map { $0.moved(to: source, at: base) })
            case .object(let members):
                .object(
                    members.map {
                        JSONMember(
                            key: $0.key, keyOrigin: moved($0.keyOrigin),
                            value: $0.value.moved(to: source, at: base))
                    })
            case let scalar: scalar
            }
        return JSONNode(value: value, origin: moved(origin))
    }
}

/// One `"key": value` of an object.
public struct JSONMember: Sendable {
    /// The key, with escapes resolved.
    public let key: String
    /// Where the key stands, its quotes included.
    package let keyOrigin: Origin
    /// What it is set to.
    public package(set) var value: JSONNode

    /// Where the key stands, its quotes included: byte offsets into the document.
    public var keyRange: Range<Int> { keyOrigin.range }

    /// Joins a key with its value.
    package init(key: String, keyOrigin: Origin, value: JSONNode) {
        self.key = key
        self.keyOrigin = keyOrigin
        self.value = value
    }
}

/// A number as it was written; nothing is rounded before someone asks for a type.
public struct JSONNumber: Sendable, Hashable {
    /// The characters of the file, for example `1e-5`.
    public let text: String

    init(text: String) { self.text = text }

    /// The exact value, if it is written without fraction or exponent and fits in `Int`.
    ///
    /// `1.0` and `1e3` count as whole too, as they do in every JSON library that has one number type.
    public var int: Int? {
        if let exact = Int(text) { return exact }
        guard text.utf8.contains(where: { $0 == UInt8(ascii: ".") || $0 | 0x20 == UInt8(ascii: "e") })
        else { return nil }
        // Beyond 2^53 a double no longer tells neighbours apart, so such a spelling isn't taken for an integer.
        guard let double, abs(double) <= 9_007_199_254_740_992 else { return nil }
        return Int(exactly: double)
    }

    /// The nearest double; nil when that is infinite.
    public var double: Double? {
        guard let value = Double(text), value.isFinite else { return nil }
        return value
    }
}

extension JSONNode {
    /// How many values it is, those within it included.
    package var valueCount: Int {
        switch value {
        case .null, .bool, .number, .string: 1
        case .array(let elements): elements.reduce(1) { $0 + $1.valueCount }
        case .object(let members): members.reduce(1) { $0 + $1.value.valueCount }
        }
    }

    /// About how many bytes of memory the value and its place take.
    package var memory: Int {
        switch value {
        case .null, .bool, .number: 64
        case .string(let text): 64 + text.heapBytes
        case .array(let elements): elements.reduce(96) { $0 + $1.memory }
        case .object(let members): members.reduce(96) { $0 + 64 + $1.key.heapBytes + $1.value.memory }
        }
    }
}

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

/// What stops a text from being JSON, and where.
public struct JSONSyntaxError: Failure, Sendable, Hashable {
    public var failureKind: FailureKind { .inputOutput }
    public var hasOwnLines: Bool { true }

    /// The document's name: usually a path.
    public let name: String
    /// The line, from 1.
    public let line: Int
    /// The column, from 1, in characters.
    public let column: Int
    /// What is wrong and what would be right, as a sentence.
    public let message: String
    /// The offending line with a caret below the offending character.
    public let excerpt: String

    public var description: String { "\(name.visible):\(line):\(column): \(message.visible)\n\(excerpt)" }
}
