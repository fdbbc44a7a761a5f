internal import Base
internal import JSON
internal import Synchronization

/// A value that a template works with.
indirect enum TemplateValue: Sendable {
    /// What a name stands for that nobody set; how it was asked for.
    case undefined(String)
    case null
    case bool(Bool)
    case integer(Int)
    case double(Double)
    case string(String)
    case list([TemplateValue])
    case object([(key: String, value: TemplateValue)])
    case namespace(TemplateNamespace)
    case macro(TemplateMacro)
    /// A function of the language, by its name.
    case function(String)
    /// What `map` and the like give: elements that can be gone through once, and that nobody has counted.
    case stream(TemplateStream)

    init(_ json: JSONValue) {
        switch json {
        case .null: self = .null
        case .bool(let bool): self = .bool(bool)
        case .integer(let integer): self = .integer(integer)
        case .number(let number): self = .double(number)
        case .string(let string): self = .string(string)
        case .array(let array): self = .list(array.map { TemplateValue($0) })
        case .object(let object):
            self = .object(object.members.map { ($0.key, TemplateValue($0.value)) })
        }
    }

    /// Whether a condition holds for it.
    var isTrue: Bool {
        switch self {
        case .undefined, .null: false
        case .bool(let bool): bool
        case .integer(let integer): integer != 0
        case .double(let double): double != 0
        case .string(let string): !string.isEmpty
        case .list(let list): !list.isEmpty
        case .object(let members): !members.isEmpty
        case .namespace, .macro, .function, .stream: true
        }
    }

    /// The number, truth values as 0 and 1.
    var number: Double? {
        switch self {
        case .double(let double): double
        default: integer.map { Double($0) }
        }
    }

    /// The whole number, truth values as 0 and 1.
    var integer: Int? {
        switch self {
        case .bool(let bool): bool ? 1 : 0
        case .integer(let integer): integer
        default: nil
        }
    }

    /// What messages call this kind of value.
    var kindName: String {
        switch self {
        case .undefined(let name): "`\(name)`, which isn't defined"
        case .null: "none"
        case .bool: "a truth value"
        case .integer, .double: "a number"
        case .string: "a string"
        case .list: "a list"
        case .object: "an object"
        case .namespace: "a namespace"
        case .macro(let macro): "the macro `\(macro.name)`"
        case .function(let name): "the function `\(name)`"
        case .stream: "what a filter gives one by one"
        }
    }

    var isNull: Bool {
        if case .null = self { true } else { false }
    }

    var isStream: Bool {
        if case .stream = self { true } else { false }
    }

    /// Elements that can be gone through once.
    static func stream(of elements: [TemplateValue]) -> TemplateValue { .stream(TemplateStream(elements)) }

    /// The member `key` of an object or a namespace.
    func member(_ key: String) -> TemplateValue? {
        switch self {
        case .object(let members): members.first { $0.key.utf8.elementsEqual(key.utf8) }?.value
        case .namespace(let namespace): namespace[key]
        default: nil
        }
    }
}

/// What `namespace()` makes: members that can be set from inside a loop.
final class TemplateNamespace: Sendable {
    private let members: Mutex<[String: TemplateValue]>

    init(_ members: [String: TemplateValue]) { self.members = Mutex(members) }

    subscript(name: String) -> TemplateValue? {
        get { members.withLock { $0[name] } }
        set { members.withLock { $0[name] = newValue } }
    }
}

/// Elements that are given once: as a generator of Python, it is empty after that.
final class TemplateStream: Sendable {
    private let elements: Mutex<ArraySlice<TemplateValue>>

    init(_ elements: [TemplateValue]) { self.elements = Mutex(elements[...]) }

    /// All that are left; then none is.
    func take() -> [TemplateValue] {
        elements.withLock { left in
            defer { left = [] }
            return Array(left)
        }
    }

    /// The next one.
    func next() -> TemplateValue? { elements.withLock { $0.popFirst() } }
}

extension TemplateValue {
    /// The text that the value is written as; nil for one that has no plain text.
    var text: String? {
        switch self {
        case .undefined: ""
        case .null: "None"
        case .bool(let bool): bool ? "True" : "False"
        case .integer(let integer): "\(integer)"
        case .double(let double): Self.text(of: double)
        case .string(let string): string
        case .list, .object, .namespace, .macro, .function, .stream: nil
        }
    }

    /// A number as Python writes it.
    static func text(of double: Double) -> String {
        guard double.isFinite else { return double.isNaN ? "nan" : double < 0 ? "-inf" : "inf" }
        // Swift gives the same shortest digits; it changes to exponents at other sizes.
        var digits = ""
        var exponent = 0
        var pointAt: Int?
        let written = "\(double.magnitude)".byteText.split("e")
        for scalar in written[0].text.unicodeScalars {
            if scalar == "." { pointAt = digits.count } else { digits.unicodeScalars.append(scalar) }
        }
        if written.count > 1 { exponent = Int(written[1].text) ?? 0 }
        // The value is 0.digits × 10^position.
        var position = (pointAt ?? digits.count) + exponent
        while digits.byteText.hasPrefix("0"), digits.count > 1 {
            digits.removeFirst()
            position -= 1
        }
        while digits.byteText.hasSuffix("0"), digits.count > 1 { digits.removeLast() }
        let sign = double.sign == .minus ? "-" : ""
        if digits == "0" { return sign + "0.0" }
        if position > 16 || position < -3 {
            let rest = digits.dropFirst()
            let power = position - 1
            return sign + String(digits.prefix(1)) + (rest.isEmpty ? "" : "." + rest)
                + (power < 0 ? "e-" : "e+") + (abs(power) < 10 ? "0" : "") + "\(abs(power))"
        }
        if position <= 0 { return sign + "0." + String(repeating: "0", count: -position) + digits }
        if digits.count <= position {
            return sign + digits + String(repeating: "0", count: position - digits.count) + ".0"
        }
        return sign + digits.prefix(position) + "." + digits.dropFirst(position)
    }
}

/// Writes JSON as Python's `json.dumps` does.
struct TemplateJSON {
    /// Why a value isn't written.
    enum Failure: Error {
        /// JSON can't hold it.
        case hasNoJSON
        /// The text would pass its limit.
        case isTooLong
    }

    struct Style {
        /// What each level is moved by; nil for one line.
        var indent: String?
        /// Between elements, and behind a key; nil for the usual ones.
        var separators: (element: String, key: String)?
        var isASCII = false
        var sortsKeys = false
    }

    let style: Style
    /// Most bytes of the text.
    let limit: Int
    private(set) var text = ""

    init(_ style: Style, limit: Int) {
        self.style = style
        self.limit = limit
    }

    /// Appends a value; the nesting of values is limited where they are made.
    mutating func write(_ value: TemplateValue, level: Int = 0) throws(Failure) {
        switch value {
        case .undefined, .namespace, .macro, .function, .stream: throw .hasNoJSON
        case .null: text += "null"
        case .bool(let bool): text += bool ? "true" : "false"
        case .integer(let integer): text += "\(integer)"
        case .double(let double):
            text +=
                double.isFinite
                ? TemplateValue.text(of: double)
                : double.isNaN ? "NaN" : double < 0 ? "-Infinity" : "Infinity"
        case .string(let string): write(quoted: string)
        case .list(let list):
            text += "["
            for (index, element) in list.enumerated() {
                begin(isFirst: index == 0, level: level + 1)
                try write(element, level: level + 1)
            }
            end("]", isEmpty: list.isEmpty, level: level)
        case .object(let members):
            text += "{"
            // Bytes of UTF-8 sort as the characters do.
            let sorted =
                style.sortsKeys
                ? members.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) } : members
            for (index, member) in sorted.enumerated() {
                begin(isFirst: index == 0, level: level + 1)
                write(quoted: member.key)
                text += style.separators?.key ?? ": "
                try write(member.value, level: level + 1)
            }
            end("}", isEmpty: members.isEmpty, level: level)
        }
        guard text.utf8.count <= limit else { throw .isTooLong }
    }

    private mutating func write(quoted string: String) {
        let quoted = JSONValue.pythonQuoted(string)
        guard style.isASCII, !quoted.utf8.allSatisfy({ $0 < 0x7F }) else { return text += quoted }
        for scalar in quoted.unicodeScalars {
            guard scalar.value >= 0x7F else {
                text.unicodeScalars.append(scalar)
                continue
            }
            for unit in UTF16.encode(scalar) ?? UTF16.EncodedScalar() {
                let digits = String(unit, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.utf8.count) + digits
            }
        }
    }

    private mutating func begin(isFirst: Bool, level: Int) {
        if !isFirst { text += style.separators?.element ?? (style.indent == nil ? ", " : ",") }
        breakLine(level)
    }

    private mutating func end(_ bracket: String, isEmpty: Bool, level: Int) {
        if !isEmpty { breakLine(level) }
        text += bracket
    }

    private mutating func breakLine(_ level: Int) {
        guard let indent = style.indent else { return }
        text += "\n" + String(repeating: indent, count: level)
    }
}
