internal import JSON

/// JSON values as Python would write them, numbers with all of their digits.
enum PythonLiteral {
    static func text(_ node: JSONNode) -> String {
        switch node.value {
        case .null: "None"
        case .bool(let bool): bool ? "True" : "False"
        case .number(let number):
            // Python's json reads these names, Python itself doesn't know them.
            switch number.text {
            case "NaN": "(1e999 - 1e999)"
            case "Infinity": "1e999"
            case "-Infinity": "-1e999"
            case let text: text
            }
        case .string(let string): text(string)
        case .array(let elements): "[\(elements.map { text($0) }.joined(separator: ", "))]"
        case .object(let members):
            "{\(members.map { "\(text($0.key)): \(text($0.value))" }.joined(separator: ", "))}"
        }
    }

    static func text(_ string: String) -> String { JSONValue.pythonQuoted(string) }
}
