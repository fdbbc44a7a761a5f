internal import Base
package import JSON

/// The keys of one object of a configuration, read by the initialiser of the type that they configure.
///
/// One initialiser does three jobs, so that they can't disagree:
///
/// ```swift
/// init(_ fields: Fields) {
///     teacher = fields.artifact("teacher", types: [.model], "The model whose trajectories are learned.")
///     steps = fields.integer("steps", default: 300, in: 1...1_000_000, "Optimiser steps.")
/// }
/// ```
///
/// It *parses*: each method gives the value of its key, or of the default. Nothing is thrown: problems are
/// collected with their place, a placeholder is given, and what was initialised is dropped in the end.
/// It *records* the resolved value of each key for the recipe.
/// It *describes*: run without an object, it yields the table of keys that help and schema are made from. Hence
/// every key must be asked for on every path through the initialiser.
package final class Fields {
    /// The object; nil when only the description is wanted.
    package let node: JSONNode?
    /// Where to report what is missing.
    package let anchor: Origin?
    /// The keys that lead here from the stage's object.
    package let path: [String]
    package let session: ReadingSession
    /// Keys that belong to the runner and aren't for this reader to judge.
    private let reserved: [String]

    /// What was asked for, in order.
    package private(set) var descriptions: [FieldDescription] = []
    /// The keys that depend on one of them, and those of them that hold; nil while it isn't known which do.
    package var alternatives: ObjectDescription.Alternatives?
    var alternativeKeys: [String]? = []
    /// The options that others leave without an effect.
    package internal(set) var unused: Set<String> = []
    /// The resolved values of the keys that are part of the recipe, without references.
    package var config = JSONObject()

    package init(
        _ node: JSONNode?, anchor: Origin?, path: [String], session: ReadingSession, reserved: [String] = []
    ) {
        self.node = node
        self.anchor = anchor
        self.path = path
        self.session = session
        self.reserved = reserved
        if let node, node.members == nil {
            session.report(node.origin, "\(name(of: nil)) should be an object; this is \(node.shown).")
        }
    }

    /// A reader without an object, for descriptions.
    package static func describing() -> Fields {
        Fields(nil, anchor: nil, path: [], session: ReadingSession())
    }

    /// What was asked for, as a description of the object.
    package var description: ObjectDescription { .init(fields: descriptions, alternatives: alternatives) }

    /// Whether the object has the key with the value null, which the optional readers don't tell from its absence.
    package func isNull(_ key: String) -> Bool { node?[key]?.isNull ?? false }

    /// Reports a problem that only shows when keys are seen together.
    ///
    /// - Parameters:
    ///   - key: The key to point at.
    ///   - message: What is wrong, as a sentence.
    ///   - hint: What would be right.
    package func reject(_ key: String, _ message: String, hint: String? = nil) {
        guard let origin = node?.member(key)?.value.origin ?? anchor else { return }
        session.report(origin, message, hint: hint)
    }

    /// Looks up, checks, records and describes one key: what all the public methods come down to.
    ///
    /// - Parameters:
    ///   - fallback: The value when the key is absent; nil when it must be there.
    ///   - placeholder: Any value of the type, to go on with after a problem.
    ///   - decode: Turns a node into a value; reports and gives nil when it can't.
    ///   - encode: The value's form in the recipe; nil keeps it out (references are recorded as inputs).
    package func read<Value>(
        _ key: String, _ type: FieldType, presence: FieldDescription.Presence, _ summary: String,
        role: FieldRole, acceptsNull: Bool? = nil, meaning: FieldMeaning? = nil,
        fallback: Value?, placeholder: Value, decode: (JSONNode) -> Value?, encode: (Value) -> JSONValue?
    ) -> Value {
        precondition(!descriptions.contains { $0.key == key }, "the key \"\(key)\" is asked for twice")
        descriptions.append(
            FieldDescription(
                key: key, type: type, presence: presence, role: role, summary: summary,
                acceptsNull: acceptsNull, meaning: meaning))
        guard let node else { return fallback ?? placeholder }
        let value: Value
        if let found = node[key] {
            guard let decoded = decode(found) else { return fallback ?? placeholder }
            value = decoded
        } else if let fallback {
            value = fallback
        } else {
            if node.members != nil, let anchor {
                session.report(
                    anchor, "\(name(of: nil)) lacks the key \"\(key)\".",
                    hint: "\"\(key)\" should be \(type.expectation): \(summary)")
            }
            return placeholder
        }
        // What may be absent and is leaves no trace, so that a kind can take on such a key without changing the
        // identity of the stages that don't use it.
        switch presence {
        case .optional where node[key] == nil: return value
        case .implied(let standard) where encode(value) == standard: return value
        default: break
        }
        if role == .recipe, let encoded = encode(value) { config[key] = encoded }
        return value
    }

    /// Says that the value at `node` isn't what `key` takes.
    package func mismatch(_ key: String, _ type: FieldType, _ node: JSONNode) {
        var hint: String?
        if case .choice(let names) = type, let given = node.string {
            hint = NearestName.nearest(to: given, among: names).map { "Did you mean \"\($0)\"?" }
        }
        // Null is a value of an option, and no way to leave out what has a default.
        let isOption = descriptions.last { $0.key == key }.map { $0.acceptsNull && $0.defaultValue != nil }
        session.report(
            node.origin,
            "\(name(of: key)) should be \(type.expectation)\(isOption == true ? ", or null" : ""); this is \(node.shown).",
            hint: hint)
    }

    /// Reports the keys that nobody asked for.
    ///
    /// Called once the initialiser is through.
    package func finish() {
        guard let node, let members = node.members, let alternativeKeys else { return }
        let known = descriptions.map(\.key) + alternativeKeys
        let choice = alternatives.flatMap { node[$0.key]?.string }.map { " with \"\($0)\"" } ?? ""
        for member in members
        where session.hasRoom && !known.contains(member.key) && !reserved.contains(member.key) {
            session.report(
                member.keyOrigin, "\(name(of: nil))\(choice) has no key \"\(member.key)\".",
                hint: NearestName.hint(for: member.key, among: known + reserved, what: "Its keys"))
        }
    }

    /// What messages call this object, or one of its keys.
    package func name(of key: String?) -> String {
        let keys = path + (key.map { [$0] } ?? [])
        return keys.isEmpty ? session.subject : "\"\(keys.joined(separator: "."))\" of \(session.subject)"
    }
}

/// What the readers of one thing share: its problems.
package final class ReadingSession {
    /// What messages call the thing that is read, for example `stage "student"`.
    package let subject: String
    /// What readers of types of their own share.
    package let context: (any ReadingContext)?
    package private(set) var diagnostics: [Diagnostic] = []

    package init(subject: String = "", context: (any ReadingContext)? = nil) {
        self.subject = subject
        self.context = context
    }

    /// So many problems are kept: whoever wrote the object mends those first.
    package static let limit = 100

    /// Whether more problems are kept.
    package var hasRoom: Bool { diagnostics.count < Self.limit }

    package func report(_ origin: Origin, _ message: String, hint: @autoclosure () -> String? = nil) {
        guard hasRoom else { return }
        diagnostics.append(Diagnostic(at: origin, message.capitalizedFirst, hint: hint()))
    }
}

/// What the readers of one module's own types share while one thing is read.
package protocol ReadingContext: AnyObject {}
