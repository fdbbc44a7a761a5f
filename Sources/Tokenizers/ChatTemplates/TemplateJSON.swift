internal import JSON

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
