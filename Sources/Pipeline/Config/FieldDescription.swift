public import JSON

/// Whether a key decides an artifact's content.
public enum FieldRole: Sendable, Hashable {
    /// Part of the recipe: another value is another artifact.
    case recipe
    /// Only how the work is done (batch sizes proved neutral, verbosity); never fingerprinted.
    case execution
}

/// What a key may be set to.
public indirect enum FieldType: Sendable {
    case integer(Bounds<Int>)
    case number(Bounds<Double>)
    case flag
    case string
    case choice([String])
    case list(of: FieldType, atLeast: Int)
    case object([FieldDescription])
    case artifact([ArtifactType])
    case artifactList([ArtifactType])
    case labelledArtifacts([ArtifactType])

    /// What a message asks for, as in "should be …".
    var expectation: String {
        switch self {
        case .integer(let bounds): "a whole number\(bounds.phrase)"
        case .number(let bounds): "a number\(bounds.phrase)"
        case .flag: "true or false"
        case .string: "text in double quotes"
        case .choice(let names): "one of " + names.map { "\"\($0)\"" }.joined(separator: ", ")
        case .list(let element, let count):
            (count > 0 ? "a list of at least \(count), each " : "a list, each element ") + element.expectation
        case .object: "an object"
        case .artifact(let types): "a reference such as \"@stage\" to a \(Self.alternatives(types))"
        case .artifactList(let types):
            "one reference or a list of references to a \(Self.alternatives(types))"
        case .labelledArtifacts(let types):
            "an object such as {\"label\": \"@stage\"} of references to a \(Self.alternatives(types))"
        }
    }

    /// What a table of keys shows.
    var label: String {
        switch self {
        case .integer(let bounds): "integer\(bounds.phrase)"
        case .number(let bounds): "number\(bounds.phrase)"
        case .flag: "true or false"
        case .string: "string"
        case .choice(let names): names.joined(separator: " | ")
        case .list(let element, _): "list of \(element.label)"
        case .object: "object"
        case .artifact(let types): "@\(Self.alternatives(types))"
        case .artifactList(let types): "list of @\(Self.alternatives(types))"
        case .labelledArtifacts(let types): "label → @\(Self.alternatives(types))"
        }
    }

    static func alternatives(_ types: [ArtifactType]) -> String {
        types.map(\.name).joined(separator: " or ")
    }
}

/// All that is known about one key: what the parser checks is what the table of keys and the schema say.
public struct FieldDescription: Sendable {
    /// Whether a key must be there, and what holds when it isn't.
    public enum Presence: Sendable {
        case required
        case optional
        case defaulted(JSONValue)
    }

    public let key: String
    public let type: FieldType
    public let presence: Presence
    public let role: FieldRole
    /// One or two sentences for the reader of a configuration.
    public let summary: String
}
