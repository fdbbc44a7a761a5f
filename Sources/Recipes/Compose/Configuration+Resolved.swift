package import JSON

extension Configuration {
    /// The whole configuration in one piece: a file of this content gives the same experiment.
    ///
    /// - Parameter withDefaults: Adds the keys that the files leave to their defaults; for reading, because options
    ///   of which an absent one leaves no trace become part of the recipe once they are written.
    package func resolved(withDefaults: Bool) -> JSONValue {
        var object = JSONObject()
        for member in root.members ?? [] where member.key != "$schema" {
            object[member.key] = escaped(JSONValue(setting: member.value))
        }
        guard withDefaults else { return .object(object) }
        for field in ExperimentHead.fields where object[field.key] == nil {
            object[field.key] = field.defaultValue
        }
        for section in ConfigPath.sections {
            guard let members = root[section]?.members else { continue }
            object[section] = .object(
                JSONObject(
                    members.map { member in
                        let value = escaped(JSONValue(setting: member.value))
                        let kind = member.value["kind"]?.string.flatMap { registry[$0] }
                        let object = kind.map { StageRegistry.description(of: $0) }
                        return (member.key, object.map { filled(value, $0, member.value) } ?? value)
                    }))
        }
        return .object(object)
    }

    /// The object with the defaults of the keys that it lacks.
    private func filled(_ value: JSONValue, _ object: ObjectDescription, _ node: JSONNode?) -> JSONValue {
        var result = value.object ?? [:]
        for field in object.fields(of: node) {
            switch (field.type, result[field.key]) {
            case (.object(let nested), let given):
                if given == nil, case .optional = field.presence { continue }
                if given == .null { continue }
                result[field.key] = filled(given ?? [:], nested, node?[field.key])
            case (.list(.object(let nested), _), .array(let elements)?):
                let nodes = node?[field.key]?.array ?? []
                result[field.key] = .array(
                    elements.enumerated().map { index, element in
                        filled(element, nested, nodes.indices.contains(index) ? nodes[index] : nil)
                    })
            case (_, nil): result[field.key] = field.defaultValue
            default: break
            }
        }
        return .object(result)
    }

    /// With `${` written so that it doesn't become a variable.
    ///
    /// Where `replicate` varies variables, texts are as they were written.
    private func escaped(_ value: JSONValue) -> JSONValue {
        guard root["variables"] == nil else { return value }
        return switch value {
        case .string(let text): .string(Variables.escaped(text))
        case .array(let elements): .array(elements.map(escaped))
        case .object(let object): .object(JSONObject(object.members.map { ($0.key, escaped($0.value)) }))
        default: value
        }
    }
}
