package import JSON

/// Whether a key decides an artifact's content.
package enum FieldRole: Sendable, Hashable {
    /// Part of the recipe: another value is another artifact.
    case recipe
    /// Only how the work is done (batch sizes proved neutral, verbosity); never fingerprinted.
    case execution
}

/// What a value stands for, whatever its key is called: how others than the type that reads it find it.
package struct FieldMeaning: Sendable, Hashable {
    package let name: String

    package init(_ name: String) { self.name = name }
}

/// What a key may be set to.
package indirect enum FieldType: Sendable {
    case integer(Bounds<Int>)
    case number(Bounds<Double>)
    case flag
    case string
    case choice([String])
    case list(of: FieldType, atLeast: Int)
    case object(ObjectDescription)
    /// What only the module knows that asks for it.
    case own(any OwnFieldType)

    /// What a message asks for, as in "should be …".
    package var expectation: String {
        switch self {
        case .integer(let bounds): "a whole number\(bounds.phrase)"
        case .number(let bounds): "a number\(bounds.phrase)"
        case .flag: "true or false"
        case .string: "text in double quotes"
        case .choice(let names): "one of " + names.map { "\"\($0)\"" }.joined(separator: ", ")
        case .list(let element, let count):
            (count > 0 ? "a list of at least \(count), each " : "a list, each element ") + element.expectation
        case .object: "an object"
        case .own(let type): type.expectation
        }
    }

    /// What a table of keys shows.
    package var label: String {
        switch self {
        case .integer(let bounds): "integer\(bounds.phrase)"
        case .number(let bounds): "number\(bounds.phrase)"
        case .flag: "true or false"
        case .string: "string"
        case .choice(let names): names.joined(separator: " | ")
        case .list(let element, _): "list of \(element.label)"
        case .object: "object"
        case .own(let type): type.label
        }
    }
}

/// A type of values that the module which asks for them adds to those of ``FieldType``.
package protocol OwnFieldType: Sendable {
    /// See ``FieldType/expectation``.
    var expectation: String { get }
    /// See ``FieldType/label``.
    var label: String { get }
}

/// All that is known about one key: what the parser checks is what the table of keys and the schema say.
package struct FieldDescription: Sendable {
    /// Whether a key must be there, and what holds when it isn't.
    package enum Presence: Sendable {
        case required
        case optional
        /// The recipe has this value where the key is absent.
        case defaulted(JSONValue)
        /// This holds where the key is absent; the recipe has nothing then, nor where the key is set to just this.
        case implied(JSONValue)
    }

    package let key: String
    package let type: FieldType
    package let presence: Presence
    package let role: FieldRole
    /// One or two sentences for the reader of a configuration.
    package let summary: String
    /// Whether the key may be set to null.
    package let acceptsNull: Bool
    /// What the value stands for; nil where nobody but the type that reads it needs to know.
    package let meaning: FieldMeaning?

    package init(
        key: String, type: FieldType, presence: Presence, role: FieldRole, summary: String,
        acceptsNull: Bool? = nil, meaning: FieldMeaning? = nil
    ) {
        self.meaning = meaning
        self.key = key
        self.type = type
        self.presence = presence
        self.role = role
        self.summary = summary
        if case .optional = presence {
            self.acceptsNull = acceptsNull ?? true
        } else {
            self.acceptsNull = acceptsNull ?? false
        }
    }

    /// What a message asks for, null included where it may be given.
    package var expectation: String {
        type.expectation + (acceptsNull ? ", or null" : "")
    }

    /// What holds where the key is absent; nil where nothing is known to.
    package var defaultValue: JSONValue? {
        switch presence {
        case .defaulted(let value), .implied(let value): value
        case .required, .optional: nil
        }
    }
}

/// The keys of an object.
package struct ObjectDescription: Sendable {
    /// One value of the key that decides on further keys, and these.
    package struct Alternative: Sendable {
        package let name: String
        package let summary: String
        package let fields: [FieldDescription]
    }

    /// A key whose value decides which further keys there are.
    package struct Alternatives: Sendable {
        package let key: String
        package let cases: [Alternative]
    }

    /// The keys that are always there to be set.
    package let fields: [FieldDescription]
    /// The keys that depend on the value of one of `fields`.
    package let alternatives: Alternatives?

    /// All keys that hold for an object, its own alternative's included.
    package func fields(of node: JSONNode?) -> [FieldDescription] {
        guard let alternatives, let name = node?[alternatives.key]?.string else { return fields }
        return fields + (alternatives.cases.first { $0.name == name }?.fields ?? [])
    }

    /// Whether a key must be there.
    var hasRequiredKey: Bool {
        fields.contains { if case .required = $0.presence { true } else { false } }
    }
}
