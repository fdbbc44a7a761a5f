internal import Files
package import JSON

/// The hash by which lm-evaluation-harness knows a record of a data set.
package enum DocumentHash {
    /// SHA-256 of the record as `json.dumps(record, indent=2, ensure_ascii=False)` writes it.
    package static func of(_ document: JSONValue) -> String { SHA256.hex(of: Array(text(of: document).utf8)) }

    /// The record as Python writes it.
    static func text(of value: JSONValue, indent: Int = 0) -> String {
        let inner = String(repeating: " ", count: indent + 2)
        let outer = String(repeating: " ", count: indent)
        switch value {
        case .array(let elements):
            guard !elements.isEmpty else { return "[]" }
            return "[\n" + elements.map { inner + text(of: $0, indent: indent + 2) }.joined(separator: ",\n")
                + "\n\(outer)]"
        case .object(let object):
            guard !object.members.isEmpty else { return "{}" }
            return "{\n"
                + object.members.map {
                    "\(inner)\(JSONValue.pythonQuoted($0.key)): \(text(of: $0.value, indent: indent + 2))"
                }
                .joined(separator: ",\n") + "\n\(outer)}"
        case .string(let string): return JSONValue.pythonQuoted(string)
        default:
            return (try? value.compactBytes(allowNonFinite: true)).map { String(decoding: $0, as: UTF8.self) }
                ?? "null"
        }
    }
}
