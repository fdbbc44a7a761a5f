package import JSON
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

extension StageRegistry {
    /// For programs, all kinds: name, version, summary, what they make and its parts.
    package var value: JSONValue {
        ["kinds": .array(kinds.map { .object(Self.head(of: $0)) })]
    }

    /// For programs, all keys of a kind with type, default and meaning.
    ///
    /// The keys of nested objects have dotted paths, those of elements of lists `[]`. A decoder's options depend on the
    /// value of another key, which `alternatives` names.
    package static func value(of kind: any StageDescription.Type) -> JSONValue {
        var keys: [JSONValue] = []
        var alternatives: [JSONValue] = []
        func add(_ object: ObjectDescription, prefix: String) {
            for field in object.fields {
                keys.append(field.value(path: prefix + field.key))
                switch field.type {
                case .object(let nested): add(nested, prefix: "\(prefix)\(field.key).")
                case .list(.object(let nested), _): add(nested, prefix: "\(prefix)\(field.key)[].")
                default: break
                }
            }
            for alternative in object.alternatives?.cases ?? [] {
                alternatives.append([
                    "key": .string(prefix + (object.alternatives?.key ?? "")),
                    "value": .string(alternative.name), "summary": .string(alternative.summary),
                    "keys": .array(alternative.fields.map { $0.value(path: prefix + $0.key) }),
                ])
            }
        }
        add(description(of: kind), prefix: "")
        var object = head(of: kind)
        object["keys"] = .array(keys)
        object["alternatives"] = .array(alternatives)
        return .object(object)
    }

    private static func head(of kind: any StageDescription.Type) -> JSONObject {
        [
            "name": .string(kind.name), "version": .integer(kind.version), "summary": .string(kind.summary),
            "makes": .string(kind.output.name), "parts": .array(kind.parts.map(JSONValue.string)),
        ]
    }
}

extension FieldDescription {
    fileprivate func value(path: String) -> JSONValue {
        let isRequired = if case .required = presence { true } else { false }
        return [
            "key": .string(path), "type": .string(type.label), "required": .bool(isRequired),
            "default": defaultValue ?? .null, "inRecipe": .bool(role == .recipe), "summary": .string(summary),
        ]
    }
}
