internal import Documents
import JSON

/// Regular expressions of the texts that mean something.
enum Patterns {
    package static let name = "^[A-Za-z0-9_-]+$"
    package static let path = #"^[^.]+(\.[^.]+)*$"#
    /// A text that is nothing but a variable: it can stand for a value of any type.
    static let oneVariable = #"^\$\{[A-Za-z0-9_-]+\}$"#
    /// A text with a variable in it.
    static let someVariable = #"(^|[^$])\$\{[A-Za-z0-9_-]+\}"#
    package static let reference = #"^@[A-Za-z0-9_-]+(\[.+\])?(\.[A-Za-z0-9_-]+)?$|"# + someVariable
}

/// What keys may be set to.
extension SchemaBuilder {
    /// The schema of a type; a variable may stand wherever a value may.
    ///
    /// - Parameters:
    ///   - name: What definitions of objects in it are called.
    ///   - isStrict: Whether the keys of objects have to be there.
    mutating func schema(
        of type: FieldType, isNullable: Bool = false, name: String = "", isStrict: Bool = true
    ) -> JSONValue {
        func types(_ names: JSONValue...) -> JSONValue { .array(names + (isNullable ? ["null"] : [])) }
        let variable = JSONValue.string(Patterns.oneVariable)
        switch type {
        case .integer(let bounds):
            return limited(["type": types("integer", "string"), "pattern": variable], bounds) { .integer($0) }
        case .number(let bounds):
            return limited(["type": types("number", "string"), "pattern": variable], bounds) { .number($0) }
        case .flag: return ["type": types("boolean", "string"), "pattern": variable]
        case .string: return isNullable ? ["type": types("string")] : ["type": "string"]
        case .choice(let names):
            return [
                "anyOf": [
                    ["enum": .array(names.map(JSONValue.string) + (isNullable ? [.null] : []))],
                    ["type": "string", "pattern": .string(Patterns.someVariable)],
                ]
            ]
        case .list(let element, let count):
            // A list is replaced as a whole, so that its elements are complete in every file.
            let items = schema(of: element, name: name)
            return [
                "type": types("array", "string"), "items": items, "minItems": .integer(count),
                "pattern": variable,
            ]
        case .object(let object):
            var body = keys(of: object, name: name, isStrict: isStrict)
            body["type"] = types("object", "string")
            body["pattern"] = variable
            return share(name + (isStrict ? "" : ".partial"), .object(body))
        case .own:
            guard let reference = type.reference else {
                preconditionFailure("the schema doesn't know the type \(type.label)")
            }
            return schema(of: reference, isNullable: isNullable)
        }
    }

    private mutating func schema(of type: ReferenceType, isNullable: Bool) -> JSONValue {
        switch type {
        case .one:
            let type: JSONValue = isNullable ? ["string", "null"] : "string"
            return share(
                isNullable ? "optionalReference" : "reference",
                ["type": type, "pattern": .string(Patterns.reference)])
        case .list(let types, let count):
            return [
                "type": ["string", "array"], "pattern": .string(Patterns.reference),
                "items": schema(of: .one(types), isNullable: false), "minItems": .integer(min(1, count)),
            ]
        case .labelled(let types, let count):
            return [
                "type": ["object", "string"], "pattern": .string(Patterns.oneVariable),
                "minProperties": .integer(count),
                "additionalProperties": schema(of: .list(types, atLeast: 1), isNullable: false),
            ]
        }
    }

    private func limited<Value>(
        _ type: JSONObject, _ bounds: Bounds<Value>, _ encode: (Value) -> JSONValue
    ) -> JSONValue {
        var type = type
        if let lower = bounds.lower {
            type[lower.isIncluded ? "minimum" : "exclusiveMinimum"] = encode(lower.value)
        }
        if let upper = bounds.upper {
            type[upper.isIncluded ? "maximum" : "exclusiveMaximum"] = encode(upper.value)
        }
        return .object(type)
    }

    /// The keys of an object: `properties` and what goes with them, without the type.
    package mutating func keys(of object: ObjectDescription, name: String, isStrict: Bool) -> JSONObject {
        let properties = properties(object.fields, name: name, isStrict: isStrict)
        let required = object.fields.filter { isStrict && $0.isRequired }.map { JSONValue.string($0.key) }
        var body = JSONObject()
        if !required.isEmpty { body["required"] = .array(required) }
        body["properties"] = .object(properties)
        guard let alternatives = object.alternatives else {
            body["additionalProperties"] = false
            return body
        }
        var known = object.fields.map(\.key)
        body["allOf"] = .array(
            alternatives.cases.map { alternative in
                let definition = "\(name).\(alternative.name)" + (isStrict ? "" : ".partial")
                // The keys beside the alternative's own are checked already.
                var all = JSONObject(properties.keys.map { ($0, true) })
                for member in self.properties(alternative.fields, name: definition, isStrict: isStrict)
                    .members
                {
                    all[member.key] = member.value
                    if !known.contains(member.key) { known.append(member.key) }
                }
                let needed = alternative.fields.filter { isStrict && $0.isRequired }
                var branch: JSONObject = ["description": .string(alternative.summary)]
                if !needed.isEmpty { branch["required"] = .array(needed.map { .string($0.key) }) }
                branch["properties"] = .object(all)
                branch["additionalProperties"] = false
                return [
                    "if": [
                        "required": [.string(alternatives.key)],
                        "properties": [alternatives.key: ["const": .string(alternative.name)]],
                    ],
                    "then": share(definition, .object(branch)),
                ]
            })
        body["propertyNames"] = ["enum": .array(known.map(JSONValue.string))]
        return body
    }

    private mutating func properties(
        _ fields: [FieldDescription], name: String, isStrict: Bool
    ) -> JSONObject {
        JSONObject(
            fields.map { field in
                let type = schema(
                    of: field.type, isNullable: field.acceptsNull, name: "\(name).\(field.key)",
                    isStrict: isStrict)
                return (field.key, documented(type, field))
            })
    }

    /// A reference to a definition; one of the same content is used again.
    private mutating func share(_ name: String, _ body: JSONValue) -> JSONValue {
        if let known = definitions.members.first(where: { $0.value == body }) { return reference(known.key) }
        define(name, body)
        return reference(name)
    }
}

extension FieldDescription {
    /// Whether the key must be there.
    package var isRequired: Bool { if case .required = presence { true } else { false } }
}

/// A key that refers to the artifacts of other stages.
package enum ReferenceType: OwnFieldType {
    /// One artifact: `"@stage"`.
    case one([ArtifactType])
    /// One reference or several.
    case list([ArtifactType], atLeast: Int)
    /// References under labels.
    case labelled([ArtifactType], atLeast: Int)

    package var expectation: String {
        switch self {
        case .one(let types): "a reference such as \"@stage\" to a \(Self.alternatives(types))"
        case .list(let types, _):
            "one reference or a list of references to a \(Self.alternatives(types))"
        case .labelled(let types, _):
            "an object such as {\"label\": \"@stage\"} of references to a \(Self.alternatives(types))"
        }
    }

    package var label: String {
        switch self {
        case .one(let types): "@\(Self.alternatives(types))"
        case .list(let types, _): "list of @\(Self.alternatives(types))"
        case .labelled(let types, _): "label → @\(Self.alternatives(types))"
        }
    }

    static func alternatives(_ types: [ArtifactType]) -> String {
        types.map(\.name).joined(separator: " or ")
    }
}

extension FieldType {
    /// The references that a key takes; nil for a key that takes none.
    var reference: ReferenceType? {
        if case .own(let type) = self { type as? ReferenceType } else { nil }
    }

    static func reference(_ type: ReferenceType) -> FieldType { .own(type) }
}
