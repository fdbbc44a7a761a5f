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
