internal import Base

/// A JSON value to be written, or kept without positions.
public indirect enum JSONValue: Sendable, Hashable {
    case null
    case bool(Bool)
    case integer(Int)
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object(JSONObject)

    /// The same value without its position.
    ///
    /// A number becomes `.integer` if it is written as one that fits, else `.number`.
    public init(_ node: JSONNode) {
        switch node.value {
        case .null: self = .null
        case .bool(let bool): self = .bool(bool)
        case .number(let number):
            // A number beyond the range of Double becomes infinite here, and writing it is refused.
            self = Int(number.text).map(Self.integer) ?? .number(Double(number.text) ?? .nan)
        case .string(let string): self = .string(string)
        case .array(let array): self = .array(array.map(JSONValue.init))
        case .object(let members):
            self = .object(JSONObject(unique: members.map { .init(key: $0.key, value: JSONValue($0.value)) }))
        }
    }

    /// The member `key` of an object; nil when there is none or this is no object.
    public subscript(key: String) -> JSONValue? { object?[key] }

    /// The text, if this is a string.
    public var string: String? { if case .string(let string) = self { string } else { nil } }
    /// The truth value, if this is one.
    public var bool: Bool? { if case .bool(let bool) = self { bool } else { nil } }
    /// The whole number, if this is one.
    public var int: Int? {
        switch self {
        case .integer(let integer): integer
        case .number(let number): Int(exactly: number)
        default: nil
        }
    }
    /// The number, if this is one.
    public var double: Double? {
        switch self {
        case .integer(let integer): Double(integer)
        case .number(let number): number
        default: nil
        }
    }
    /// The elements, if this is an array.
    public var array: [JSONValue]? { if case .array(let array) = self { array } else { nil } }
    /// The members, if this is an object.
    public var object: JSONObject? { if case .object(let object) = self { object } else { nil } }
}

extension JSONValue: ExpressibleByNilLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByFloatLiteral, ExpressibleByStringLiteral, ExpressibleByStringInterpolation,
    ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    public init(nilLiteral: ()) { self = .null }
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    public init(integerLiteral value: Int) { self = .integer(value) }
    public init(floatLiteral value: Double) { self = .number(value) }
    public init(stringLiteral value: String) { self = .string(value) }
    public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
    public init(dictionaryLiteral elements: (String, JSONValue)...) { self = .object(JSONObject(elements)) }
}

/// The members of an object in the order in which they were set; two are equal when their order is too.
///
/// Keys are told apart by their UTF-8 bytes.
public struct JSONObject: Sendable, Hashable, ExpressibleByDictionaryLiteral {
    /// One key and its value.
    public struct Member: Sendable, Hashable {
        public let key: String
        public var value: JSONValue

        public init(key: String, value: JSONValue) {
            self.key = key
            self.value = value
        }

        public static func == (a: Member, b: Member) -> Bool {
            a.key.hasSameBytes(as: b.key) && a.value == b.value
        }

        public func hash(into hasher: inout Hasher) {
            hasher.combine(ExactString(key))
            hasher.combine(value)
        }
    }

    /// The members; no key occurs twice.
    public private(set) var members: [Member] = []

    /// No members.
    public init() {}

    /// Members in the order given; a later value for a key replaces an earlier one.
    public init(_ pairs: some Sequence<(String, JSONValue)>) {
        var places: [ExactString: Int] = [:]
        for (key, value) in pairs {
            if let place = places[ExactString(key)] {
                members[place].value = value
            } else {
                places[ExactString(key)] = members.count
                members.append(Member(key: key, value: value))
            }
        }
    }

    init(unique members: [Member]) { self.members = members }

    public init(dictionaryLiteral elements: (String, JSONValue)...) { self.init(elements) }

    /// The keys, in order.
    public var keys: [String] { members.map(\.key) }

    /// The value of `key`.
    ///
    /// Setting keeps the place of a key that is there, setting nil removes it.
    public subscript(key: String) -> JSONValue? {
        get { members.first { $0.key.hasSameBytes(as: key) }?.value }
        set {
            let index = members.firstIndex { $0.key.hasSameBytes(as: key) }
            switch (index, newValue) {
            case (let index?, let value?): members[index].value = value
            case (let index?, nil): members.remove(at: index)
            case (nil, let value?): members.append(Member(key: key, value: value))
            case (nil, nil): break
            }
        }
    }
}

extension JSONValue {
    /// About how many bytes of memory the value takes.
    package var memory: Int {
        // A box with its header.
        switch self {
        case .null, .bool, .integer, .number: 48
        case .string(let text): 48 + text.heapBytes
        case .array(let elements): elements.reduce(80) { $0 + 8 + $1.memory }
        case .object(let object): 48 + object.memory
        }
    }
}

extension JSONObject {
    /// About how many bytes of memory the members take.
    package var memory: Int { members.reduce(32) { $0 + 24 + $1.key.heapBytes + $1.value.memory } }
}

extension String {
    /// About how many bytes of memory the text takes beside its sixteen.
    var heapBytes: Int { utf8.count > 15 ? 32 + utf8.count : 0 }
}

extension JSONValue {
    /// A string as Python's `json.dumps(ensure_ascii=False)` writes it, quotes included.
    ///
    /// It differs from what this module writes in `\b` and `\f`; digests and prompts that Python makes depend on it.
    package static func pythonQuoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case "\u{8}": result += "\\b"
            case "\u{C}": result += "\\f"
            case "\0"..<" ":
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}

extension JSONValue {
    /// The same as ``prettyBytes()`` for what may be a terminal: invisible characters in strings (C1, DEL, marks that turn
    /// the direction, line separators) are written as escapes, which mean the same.
    ///
    /// - Parameter isCompact: One line instead, as ``compactBytes()``, with a line break at its end.
    /// - Throws: `JSONWritingError` for a number that is infinite or not a number.
    public func printedText(isCompact: Bool = false) throws(JSONWritingError) -> String {
        let bytes = isCompact ? try compactBytes() + [UInt8(ascii: "\n")] : try prettyBytes()
        let text = String(decoding: bytes, as: UTF8.self)
        guard text.unicodeScalars.contains(where: Self.needsEscape) else { return text }
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            guard Self.needsEscape(scalar) else {
                result.append(scalar)
                continue
            }
            // They stand in strings only.
            for unit in String(scalar).utf16 {
                let digits = String(unit, radix: 16)
                let zeros = String(repeating: "0", count: 4 - digits.utf8.count)
                result.append(contentsOf: "\\u\(zeros)\(digits)".unicodeScalars)
            }
        }
        return String(result)
    }

    private static func needsEscape(_ scalar: Unicode.Scalar) -> Bool { scalar.isInvisible && scalar != "\n" }
}

/// A number that JSON can't write.
public struct JSONWritingError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Where in the value it stands, for example `metrics.loss[3]`.
    public let path: String
    /// The number: infinite or not a number.
    public let number: Double

    public var description: String {
        "The value at \(path.isEmpty ? "the root" : path) is \(number), which has no JSON form; only finite numbers can be written."
    }
}

extension JSONValue {
    /// The one byte sequence that stands for this value, fit for hashing.
    ///
    /// Keys are sorted by their UTF-8 bytes, nothing stands between tokens, numbers are the shortest that read
    /// back the same, a double that is whole is written as the integer, and zero has no sign.
    /// - Throws: `JSONWritingError` for a number that is infinite or not a number.
    public func canonicalBytes() throws(JSONWritingError) -> [UInt8] {
        var writer = JSONWriter(style: .canonical)
        try writer.write(self, path: "", level: 0)
        return writer.bytes
    }

    /// Bytes for people: members in their order, two spaces per level, a line break at the end.
    ///
    /// - Throws: `JSONWritingError` for a number that is infinite or not a number.
    public func prettyBytes() throws(JSONWritingError) -> [UInt8] {
        var writer = JSONWriter(style: .pretty)
        try writer.write(self, path: "", level: 0)
        return writer.bytes + [UInt8(ascii: "\n")]
    }

    /// One line without spaces, members in their order: a record of a JSONL file, without its line break.
    ///
    /// - Parameter allowNonFinite: Writes `NaN`, `Infinity` and `-Infinity`, as Python's json does.
    /// - Throws: `JSONWritingError` for a number that is infinite or not a number, unless they are allowed.
    public func compactBytes(allowNonFinite: Bool = false) throws(JSONWritingError) -> [UInt8] {
        var writer = JSONWriter(style: .compact, allowNonFinite: allowNonFinite)
        try writer.write(self, path: "", level: 0)
        return writer.bytes
    }
}

private struct JSONWriter {
    enum Style { case canonical, compact, pretty }

    let style: Style
    let allowNonFinite: Bool
    var bytes: [UInt8] = []

    init(style: Style, allowNonFinite: Bool = false) {
        self.style = style
        self.allowNonFinite = allowNonFinite
    }

    mutating func write(_ value: JSONValue, path: String, level: Int) throws(JSONWritingError) {
        switch value {
        case .null: append("null")
        case .bool(let bool): append(bool ? "true" : "false")
        case .integer(let integer): append(String(integer))
        case .number(let number):
            if number.isFinite {
                append(Self.text(of: style == .canonical && number == 0 ? 0 : number))
            } else if allowNonFinite {
                append(number.isNaN ? "NaN" : number < 0 ? "-Infinity" : "Infinity")
            } else {
                throw JSONWritingError(path: path, number: number)
            }
        case .string(let string): append(quoting: string)
        case .array(let elements):
            // Rows of scalars stay on one line: a curve of a hundred points is easier to read that way.
            let flat = elements.allSatisfy { $0.isScalar }
            bytes.append(UInt8(ascii: "["))
            for (index, element) in elements.enumerated() {
                if index > 0 { append(flat && style == .pretty ? ", " : ",") }
                if !flat { breakLine(level + 1) }
                try write(element, path: "\(path)[\(index)]", level: level + 1)
            }
            if !flat { breakLine(level) }
            bytes.append(UInt8(ascii: "]"))
        case .object(let object):
            try write(object, path: path, level: level)
        }
    }

    private mutating func write(_ object: JSONObject, path: String, level: Int) throws(JSONWritingError) {
        var members = object.members
        if style == .canonical { members.sort { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) } }
        bytes.append(UInt8(ascii: "{"))
        for (index, member) in members.enumerated() {
            if index > 0 { append(",") }
            breakLine(level + 1)
            append(quoting: member.key)
            append(style == .pretty ? ": " : ":")
            let memberPath = path.isEmpty ? member.key : "\(path).\(member.key)"
            try write(member.value, path: memberPath, level: level + 1)
        }
        if !members.isEmpty { breakLine(level) }
        bytes.append(UInt8(ascii: "}"))
    }

    /// The shortest decimal that reads back as `number`; whole numbers without point, so that 1 and 1.0 agree.
    static func text(of number: Double) -> String {
        if abs(number) < 9_007_199_254_740_992, number == number.rounded(),
            !(number == 0 && number.sign == .minus)
        {
            return String(Int(number))
        }
        return number.description
    }

    private mutating func breakLine(_ level: Int) {
        guard style == .pretty else { return }
        bytes.append(UInt8(ascii: "\n"))
        bytes.append(contentsOf: repeatElement(UInt8(ascii: " "), count: 2 * level))
    }

    private mutating func append(_ text: String) { bytes.append(contentsOf: text.utf8) }

    private mutating func append(quoting text: String) {
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""): append(#"\""#)
            case UInt8(ascii: "\\"): append(#"\\"#)
            case 0x0A: append(#"\n"#)
            case 0x0D: append(#"\r"#)
            case 0x09: append(#"\t"#)
            case 0..<0x20:
                let hex = String(byte, radix: 16)
                append(#"\u00"# + (hex.utf8.count == 1 ? "0" : "") + hex)
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }
}

extension JSONValue {
    fileprivate var isScalar: Bool {
        switch self {
        case .array, .object: false
        default: true
        }
    }
}
