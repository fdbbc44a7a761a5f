internal import Base
package import JSON

extension StageRegistry {
    /// The JSON Schema (draft 7, which editors know best) of configurations, from the descriptions that the parser
    /// itself goes by.
    ///
    /// What it can't say is left to the parser: whether what a reference names is there and of the right type, what
    /// variables hold, and rules between keys. A file with `extends` needs no key, because another may set it; the same
    /// goes for the keys of a stage with a matrix.
    package var schema: JSONValue {
        var builder = SchemaBuilder()
        return builder.schema(of: self)
    }
}

/// Builds the schema and the definitions that it refers to.
struct SchemaBuilder {
    /// Definitions by name, in the order in which they were asked for.
    var definitions = JSONObject()

    mutating func schema(of registry: StageRegistry) -> JSONValue {
        for kind in registry.kinds { define(kind) }
        define(stage: registry)
        var properties = JSONObject(
            ExperimentHead.fields.map {
                ($0.key, documented(schema(of: $0.type, isNullable: $0.acceptsNull), $0))
            })
        properties["name"]?.merge([
            "pattern": .string("^(?!(.*/)?runs(/|$))[a-z0-9_-]+(/[a-z0-9_-]+)*$|\(Patterns.someVariable)")
        ])
        properties["extends"] = [
            "description":
                "Files that this one builds on, relative to it. Objects are joined key by key, lists and all other values are replaced; later files win, and this one wins over all.",
            "type": ["string", "array"], "minLength": 1, "items": ["type": "string", "minLength": 1],
        ]
        properties["without"] = [
            "description":
                "Paths such as \"stages.table\" or \"stages.curve.decoder.delay\" that are left out of what the files of \"extends\" set.",
            "type": ["string", "array"], "pattern": .string(Patterns.path),
            "items": ["type": "string", "pattern": .string(Patterns.path)],
        ]
        let stagesOfOption: JSONValue = [
            "type": "object", "propertyNames": ["pattern": .string(Patterns.name)],
            "additionalProperties": reference("partialStage"),
        ]
        properties["variables"] = [
            "description":
                "Values by name: \"${name}\" stands for the value, of whatever type; inside a longer text, texts, numbers and truth values are written out.",
            "type": "object", "propertyNames": ["pattern": .string(Patterns.name)],
        ]
        properties[OptionGroups.key] = [
            "description":
                "Groups of settings to swap. Of each group one option is chosen, by --set groups.NAME=OPTION or by its \"default\", and laid over the file.",
            "type": "object", "propertyNames": ["pattern": .string(Patterns.name)],
            "additionalProperties": [
                "type": "object", "propertyNames": ["pattern": .string(Patterns.name)],
                "properties": [
                    OptionGroups.standardKey: [
                        "description": "The option that is chosen where nobody chooses.", "type": "string",
                        "pattern": .string(Patterns.name),
                    ]
                ],
                "additionalProperties": [
                    "description": "Settings as a file has them that extends this one.", "type": "object",
                    "properties": ["stages": stagesOfOption, Replication.summaryKey: stagesOfOption],
                    "not": ["anyOf": .array(OptionGroups.excluded.map { ["required": [.string($0)]] })],
                ],
            ],
        ]
        let axes: JSONValue = [
            "type": "object", "minProperties": 1,
            "propertyNames": [
                "pattern": .string(#"^(seed|groups\.[^.]+|variables\.[^.]+(\..+)?|stages\.[^.]+(\..+)?)$"#)
            ],
            "additionalProperties": [
                "type": ["array", "string"], "minItems": 1, "pattern": .string(Patterns.oneVariable),
            ],
        ]
        properties[Replication.key] = [
            "description":
                "Lists of values by path, \"seed\", \"variables.name\", \"groups.name\" or \"stages.name.key\": every stage is copied for each of their combinations. In a list of such objects, the lists of one object go in step, and the objects are combined.",
            "anyOf": [axes, ["type": "array", "minItems": 1, "items": axes]],
        ]
        var until = keys(of: UntilFields.description, name: UntilFields.key, isStrict: true)
        until["description"] =
            "Makes the repeats of \"replicate\" up to the first look, and those up to the next one only while a claim is open."
        until["type"] = "object"
        properties[UntilFields.key] = .object(until)
        properties[Replication.summaryKey] = [
            "description":
                "Stages that come once, after all copies that \"replicate\" makes; \"@name\" stands for all copies of a stage.",
            "type": "object", "propertyNames": ["pattern": .string(Patterns.name)],
        ]
        properties[Pins.key] = [
            "description":
                "SHA-256 of the files of inputs from outside, by input and path; put in from data.lock where it is left out.",
            "type": "object",
            "additionalProperties": [
                "type": "object", "additionalProperties": ["type": "string", "pattern": "^[0-9a-f]{64}$"],
            ],
        ]
        properties["stages"] = [
            "description": "The stages by name; they refer to one another as \"@name\".", "type": "object",
            "propertyNames": ["pattern": .string(Patterns.name)],
        ]
        func stages(_ definition: String, _ more: JSONObject) -> JSONValue {
            var stages: JSONObject = ["additionalProperties": reference(definition)]
            for member in more.members { stages[member.key] = member.value }
            return [
                "stages": .object(stages),
                Replication.summaryKey: ["additionalProperties": reference(definition)],
            ]
        }
        return [
            "$schema": "http://json-schema.org/draft-07/schema#",
            "title": "Experiment of d3llm",
            "description": "Named stages that refer to one another; each leaves an artifact in the store.",
            "allowComments": true,
            "type": "object", "properties": .object(properties), "additionalProperties": false,
            "dependencies": ["without": ["extends"]],
            // Another file, or an option of a group, may set what is missing.
            "if": ["anyOf": [["required": ["extends"]], ["required": [.string(OptionGroups.key)]]]],
            "then": ["properties": stages("partialStage", [:])],
            "else": [
                "required": ["name", "stages"], "properties": stages("stage", ["minProperties": 1]),
                "dependencies": [
                    Replication.summaryKey: [.string(Replication.key)],
                    UntilFields.key: [.string(Replication.key), .string(Replication.summaryKey)],
                ],
            ],
            "definitions": .object(definitions),
        ]
    }

    /// A kind's keys twice: as a stage has to have them, and without demands.
    private mutating func define(_ kind: any StageDescription.Type) {
        let object = StageRegistry.description(of: kind)
        for isStrict in [true, false] {
            var body = keys(of: object, name: kind.name, isStrict: isStrict)
            var properties: JSONObject = ["kind": ["const": .string(kind.name)]]
            for field in StageHead.fields(StageRegistry([])) where field.key != "kind" {
                properties[field.key] = documented(schema(of: field.type), field)
            }
            properties["matrix"] = matrix(of: object, name: kind.name)
            for member in body["properties"]?.object?.members ?? [] { properties[member.key] = member.value }
            body["properties"] = .object(properties)
            body["description"] = .string(kind.summary)
            define(isStrict ? kind.name : "\(kind.name).partial", .object(body))
        }
    }

    private mutating func define(stage registry: StageRegistry) {
        let names = registry.kinds.map { $0.name }
        let kind: JSONValue = [
            "description": "What the stage does.",
            "anyOf": [
                [
                    "enum": .array(names.map(JSONValue.string)),
                    "enumDescriptions": .array(registry.kinds.map { .string($0.summary) }),
                ],
                ["type": "string", "pattern": .string(Patterns.someVariable)],
            ],
        ]
        func branches(_ body: (String) -> JSONValue) -> JSONValue {
            .array(
                names.map {
                    [
                        "if": ["required": ["kind"], "properties": ["kind": ["const": .string($0)]]],
                        "then": body($0),
                    ]
                })
        }
        definitions["stage"] = [
            "type": ["object", "string"], "pattern": .string(Patterns.oneVariable), "required": ["kind"],
            "properties": ["kind": kind],
            "allOf": branches { name in
                [
                    "if": ["required": ["matrix"]], "then": reference("\(name).partial"),
                    "else": reference(name),
                ]
            },
        ]
        var known: [String] = ["kind", "seed", "matrix"]
        for field in registry.kinds.flatMap({ StageRegistry.description(of: $0).fields }) {
            if !known.contains(field.key) { known.append(field.key) }
        }
        definitions["partialStage"] = [
            "type": ["object", "string"], "pattern": .string(Patterns.oneVariable),
            "properties": ["kind": kind],
            "propertyNames": ["enum": .array(known.map(JSONValue.string))],
            "allOf": branches { reference("\($0).partial") },
        ]
    }

    /// Keeps a definition.
    mutating func define(_ name: String, _ body: JSONValue) { definitions[name] = body }

    package func reference(_ name: String) -> JSONValue { ["$ref": .string("#/definitions/\(name)")] }

    /// A type with the documentation of its key.
    func documented(_ type: JSONValue, _ field: FieldDescription) -> JSONValue {
        var object = JSONObject()
        let note = field.role == .execution ? " It isn't part of the recipe." : ""
        object["description"] = .string(field.summary + note)
        if type["$ref"] != nil {
            // What stands beside a reference isn't looked at.
            object["allOf"] = [type]
        } else {
            for member in type.object?.members ?? [] { object[member.key] = member.value }
        }
        if let value = field.defaultValue {
            if case .object = field.type { return .object(object) }
            object["default"] = value
        }
        return .object(object)
    }
}

extension JSONValue {
    /// Adds members to an object.
    fileprivate mutating func merge(_ more: JSONObject) {
        guard var object = self.object else { return }
        for member in more.members { object[member.key] = member.value }
        self = .object(object)
    }
}

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
