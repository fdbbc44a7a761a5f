internal import Base
import JSON

/// What a matrix may sweep: the dotted paths of a kind's keys, each with a list of values of its type.
extension SchemaBuilder {
    package mutating func matrix(of object: ObjectDescription, name: String) -> JSONValue {
        var plain = JSONObject()
        var patterns = JSONObject()
        let seed = StageHead.fields(StageRegistry([])).filter { $0.key == "seed" }
        for axis in axes(of: seed + object.fields, object.alternatives, "", isPattern: false) {
            let list = self.list(of: axis.field, name: name)
            if axis.isPattern {
                patterns["^\(axis.path)$"] = joined(patterns["^\(axis.path)$"], list)
            } else {
                plain[axis.path] = joined(plain[axis.path], list)
            }
        }
        var matrix: JSONObject = [
            "description":
                "Values by the dotted path of a key: the stage is run with all combinations, and \"@stage\" stands for all of them.",
            "type": ["object", "string"], "pattern": .string(Patterns.oneVariable), "minProperties": 1,
            "properties": .object(plain),
        ]
        if !patterns.members.isEmpty { matrix["patternProperties"] = .object(patterns) }
        matrix["additionalProperties"] = false
        let definition = "\(name).matrix"
        define(definition, .object(matrix))
        return reference(definition)
    }

    private mutating func list(of field: FieldDescription, name: String) -> JSONValue {
        let items = schema(
            of: field.type, isNullable: field.acceptsNull, name: "\(name).matrix.\(field.key)",
            isStrict: false)
        return [
            "description": .string(field.summary), "type": ["array", "string"], "items": items, "minItems": 1,
            "pattern": .string(Patterns.oneVariable),
        ]
    }

    /// One key that is described in two ways, by two alternatives, takes what either of them takes.
    private func joined(_ old: JSONValue?, _ new: JSONValue) -> JSONValue {
        guard let old, old != new else { return new }
        let known = old["anyOf"]?.array ?? [old]
        return known.contains(new) ? old : ["anyOf": .array(known + [new])]
    }

    private struct Axis {
        let path: String
        let isPattern: Bool
        let field: FieldDescription
    }

    private func axes(
        of fields: [FieldDescription], _ alternatives: ObjectDescription.Alternatives?, _ prefix: String,
        isPattern: Bool
    ) -> [Axis] {
        (fields + (alternatives?.cases.flatMap(\.fields) ?? [])).flatMap { field -> [Axis] in
            let path = prefix + (isPattern ? Self.quoted(field.key) : field.key)
            let own = Axis(path: path, isPattern: isPattern, field: field)
            switch field.type {
            case .object(let object):
                return [own]
                    + axes(
                        of: object.fields, object.alternatives, path + (isPattern ? #"\."# : "."),
                        isPattern: isPattern)
            case .list(let element, _):
                let place = (isPattern ? path : Self.quoted(path)) + #"\[[0-9]+\]"#
                let inner = FieldDescription(
                    key: field.key, type: element, presence: .required, role: field.role,
                    summary: field.summary)
                let one = Axis(path: place, isPattern: true, field: inner)
                guard case .object(let object) = element else { return [own, one] }
                return [own, one]
                    + axes(of: object.fields, object.alternatives, place + #"\."#, isPattern: true)
            case .own:
                guard case .labelled(let types, _)? = field.type.reference else { return [own] }
                let place = (isPattern ? path : Self.quoted(path)) + #"\.[^.]+"#
                let inner = FieldDescription(
                    key: field.key, type: .reference(.list(types, atLeast: 1)), presence: .required,
                    role: field.role, summary: field.summary)
                return [own, Axis(path: place, isPattern: true, field: inner)]
            case .integer, .number, .flag, .string, .choice: return [own]
            }
        }
    }

    /// With the dots of a path quoted; keys have no other characters that mean something in a pattern.
    private static func quoted(_ path: String) -> String { path.byteText.replacing(".", with: #"\."#).text }
}
