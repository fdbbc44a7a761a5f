package import JSON
package import Recipes

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
