import JSON
package import Recipes

extension StageRegistry {
    /// The names of all kinds with their summaries, one line each.
    package var table: String {
        let width = kinds.map { $0.name.count }.max() ?? 0
        return kinds.map { kind in
            "\(kind.name)\(String(repeating: " ", count: width - kind.name.count))  \(kind.summary)\n"
        }.joined()
    }

    /// All keys of a kind with type, default and meaning: what the parser itself goes by.
    package static func table(of kind: any StageDescription.Type) -> String {
        var text = "\(kind.name) (version \(kind.version)): \(kind.summary)\nMakes a \(kind.output.name)"
        text += kind.parts.isEmpty ? ".\n" : ", with the parts \(kind.parts.joined(separator: ", ")).\n"
        var rows: [(key: String, head: String, summary: String)] = []
        func add(_ object: ObjectDescription, prefix: String) {
            for field in object.fields {
                rows.append((prefix + field.key, field.head, field.summary))
                switch field.type {
                case .object(let nested): add(nested, prefix: "\(prefix)\(field.key).")
                case .list(.object(let nested), _): add(nested, prefix: "\(prefix)\(field.key)[].")
                default: break
                }
            }
            if let alternatives = object.alternatives {
                rows.append(
                    (
                        "\(prefix)…", "the other keys",
                        "They depend on \(prefix)\(alternatives.key)."
                    ))
            }
        }
        add(description(of: kind), prefix: "")
        rows.append(
            (
                "seed", "integer of at least 0, default: the experiment's",
                "What random numbers are drawn from."
            ))
        rows.append(
            (
                "matrix", "object of lists, optional",
                "By dotted path, the values to run the stage with, all combinations."
            ))
        let width = rows.map(\.key.count).max() ?? 0
        for row in rows {
            let key = row.key + String(repeating: " ", count: width - row.key.count)
            text += "\n  \(key)  \(row.head)\n  \(String(repeating: " ", count: width))  \(row.summary)\n"
        }
        return text
    }
}

extension FieldDescription {
    /// "integer from 1 to 8, default 3".
    fileprivate var head: String {
        let role = role == .execution ? ", not part of the recipe" : ""
        switch presence {
        case .required: return "\(type.label), required\(role)"
        case .optional: return "\(type.label), optional\(role)"
        case .defaulted(let value), .implied(let value):
            if case .object = type { return "\(type.label), optional\(role)" }
            let text = (try? value.compactBytes()).map { String(decoding: $0, as: UTF8.self) } ?? "?"
            return "\(type.label), default \(text)\(role)"
        }
    }
}
