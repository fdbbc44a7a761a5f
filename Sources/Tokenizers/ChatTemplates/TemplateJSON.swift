internal import JSON

/// Writes JSON as Python's `json.dumps` does with `ensure_ascii=False`.
struct TemplateJSON {
    /// Why a value isn't written.
    enum Failure: Error {
        /// JSON can't hold it.
        case hasNoJSON
        /// The text would pass its limit.
        case isTooLong
    }

    /// How many spaces each level is moved; nil for one line.
    let indent: Int?
    /// Most bytes of the text.
    let limit: Int
    private(set) var text = ""

    init(indent: Int?, limit: Int) {
        self.indent = indent
        self.limit = limit
    }

    /// Appends a value; the nesting of values is limited where they are made.
    mutating func write(_ value: TemplateValue, level: Int = 0) throws(Failure) {
        switch value {
        case .undefined, .namespace: throw .hasNoJSON
        case .null: text += "null"
        case .bool(let bool): text += bool ? "true" : "false"
        case .integer(let integer): text += "\(integer)"
        case .double(let double):
            text +=
                double.isFinite
                ? TemplateValue.text(of: double)
                : double.isNaN ? "NaN" : double < 0 ? "-Infinity" : "Infinity"
        case .string(let string): text += JSONValue.pythonQuoted(string)
        case .list(let list):
            text += "["
            for (index, element) in list.enumerated() {
                begin(isFirst: index == 0, level: level + 1)
                try write(element, level: level + 1)
            }
            end("]", isEmpty: list.isEmpty, level: level)
        case .object(let members):
            text += "{"
            for (index, member) in members.enumerated() {
                begin(isFirst: index == 0, level: level + 1)
                text += JSONValue.pythonQuoted(member.key) + ": "
                try write(member.value, level: level + 1)
            }
            end("}", isEmpty: members.isEmpty, level: level)
        }
        guard text.utf8.count <= limit else { throw .isTooLong }
    }

    private mutating func begin(isFirst: Bool, level: Int) {
        if !isFirst { text += indent == nil ? ", " : "," }
        breakLine(level)
    }

    private mutating func end(_ bracket: String, isEmpty: Bool, level: Int) {
        if !isEmpty { breakLine(level) }
        text += bracket
    }

    private mutating func breakLine(_ level: Int) {
        guard let indent else { return }
        text += "\n" + String(repeating: " ", count: indent * level)
    }
}
