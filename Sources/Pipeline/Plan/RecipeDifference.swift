import JSON

/// A field in which two recipes differ.
public struct RecipeDifference: Sendable, Hashable, CustomStringConvertible {
    /// The key as the configuration has it; "kind", "kind version" or "seed" outside the stage's own keys.
    public let field: String
    /// Nil where the old recipe has no such field.
    public let old: String?
    /// Nil where the new recipe has no such field.
    public let new: String?

    public var description: String { "\(field): \(old ?? "(none)") → \(new ?? "(none)")" }

    /// All fields that differ, in the order of the new recipe, then those that are gone.
    static func between(_ old: JSONValue, _ new: JSONValue) -> [RecipeDifference] {
        let before = fields(of: old)
        let after = fields(of: new)
        let changed = after.compactMap { field, value -> RecipeDifference? in
            let known = before.first { $0.0 == field }?.1
            return known == value ? nil : RecipeDifference(field: field, old: known, new: value)
        }
        let gone = before.filter { field, _ in !after.contains { $0.0 == field } }
        return changed + gone.map { RecipeDifference(field: $0.0, old: $0.1, new: nil) }
    }

    private static func fields(of recipe: JSONValue) -> [(String, String)] {
        var fields: [(String, String)] = []
        func visit(_ path: String, _ value: JSONValue) {
            if let object = value.object, !object.members.isEmpty {
                for member in object.members {
                    visit(path.isEmpty ? member.key : "\(path).\(member.key)", member.value)
                }
            } else {
                fields.append((path, text(of: value)))
            }
        }
        for (key, name) in [("format", "recipe format"), ("kind", "kind"), ("version", "kind version")] {
            visit(name, recipe[key] ?? .null)
        }
        visit("", recipe["config"] ?? [:])
        for member in recipe["inputs"]?.object?.members ?? [] { visit(member.key, shortened(member.value)) }
        visit("seed", recipe["seed"] ?? .null)
        return fields
    }

    /// Fingerprints cut to the length that folders have.
    private static func shortened(_ value: JSONValue) -> JSONValue {
        switch value {
        case .string(let text):
            let parts = text.split(separator: ".", maxSplits: 1)
            let isFingerprint = parts.first?.count == 64
            return isFingerprint
                ? .string(parts[0].prefix(12) + (parts.count > 1 ? ".\(parts[1])" : "")) : value
        case .array(let array): return .array(array.map(shortened))
        case .object(let object):
            return .object(JSONObject(object.members.map { ($0.key, shortened($0.value)) }))
        default: return value
        }
    }

    private static func text(of value: JSONValue) -> String {
        if case .string(let text) = value { return text }
        return (try? value.compactBytes()).map { String(decoding: $0, as: UTF8.self) } ?? "?"
    }
}
