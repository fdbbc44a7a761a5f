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
    /// The keys that are missing, with the problems that say so.
    private var missing: [String: Diagnostic] = [:]
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
                if session.hasRoom, let problem = session.diagnostics.last { missing[key] = problem }
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
                hint: NearestName.nearest(to: member.key, among: known + reserved) == nil
                    ? deeper(member.key)
                        ?? NearestName.hint(for: member.key, among: known + reserved, what: "Its keys")
                    : NearestName.hint(for: member.key, among: known + reserved, what: "Its keys"))
            // A key that is missing only because its name was mistyped isn't told as missing besides.
            if let meant = NearestName.nearest(to: member.key, among: known), let problem = missing[meant] {
                session.withdraw(problem)
            }
        }
    }

    /// Where a key belongs that isn't one of this object: in the only object below that has it.
    private func deeper(_ key: String) -> String? {
        let owners = descriptions.filter { field in
            guard case .object(let object) = field.type else { return false }
            return object.fields(of: node?[field.key]).contains { $0.key == key }
        }
        guard owners.count == 1, let owner = owners.first else { return nil }
        return "Did you mean \"\(owner.key).\(key)\"?"
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

    /// - Parameter cause: What may be wrong at other places too, and is told once.
    package func report(
        _ origin: Origin, _ message: String, hint: @autoclosure () -> String? = nil, cause: String? = nil
    ) {
        guard hasRoom else { return }
        diagnostics.append(Diagnostic(at: origin, message.capitalizedFirst, hint: hint(), cause: cause))
    }

    /// Takes back a problem that comes of another one.
    package func withdraw(_ problem: Diagnostic) { diagnostics.removeAll { $0 == problem } }
}

/// What the readers of one module's own types share while one thing is read.
package protocol ReadingContext: AnyObject {}

/// Objects in which the value of one key decides which others there are.
extension Fields {
    /// One of several named alternatives, each with keys of its own in the same object; nil after a report.
    ///
    /// ```swift
    /// fields.alternative("method", of: methods.map { method in
    ///     FieldAlternative(method.name, method.summary) { Options(method, $0) }
    /// }, "The method.")
    /// ```
    package func alternative<Value>(
        _ key: String, of cases: [FieldAlternative<Value>], _ summary: String
    ) -> (name: String, value: Value)? {
        let names = cases.map(\.name)
        let name = read(
            key, .choice(names), presence: .required, summary, role: .recipe, fallback: nil, placeholder: "",
            decode: { node -> String? in
                if let name = node.string, names.contains(name) { return name }
                self.mismatch(key, .choice(names), node)
                return nil
            },
            encode: { .string($0) })
        // Only a description names them all; it would cost time at every variant of a sweep.
        let described = node == nil ? cases : []
        alternatives = .init(
            key: key,
            cases: described.map {
                .init(name: $0.name, summary: $0.summary, fields: describe($0.read).fields)
            })
        guard let node, let chosen = cases.first(where: { $0.name == name }) else {
            // Which keys are right isn't known, so that none is reported.
            alternativeKeys = nil
            return nil
        }
        let child = Fields(node, anchor: anchor, path: path, session: session)
        let value = chosen.read(child)
        alternativeKeys = child.description.fields.map(\.key)
        for member in child.config.members { config[member.key] = member.value }
        return (name, value)
    }
}

/// One alternative of an object, by the value of the key that decides.
package struct FieldAlternative<Value>: Sendable {
    package let name: String
    package let summary: String
    package let read: @Sendable (Fields) -> Value

    /// The alternative that holds where the key is set to `name`; `read` asks for its keys.
    package init(_ name: String, _ summary: String, read: @escaping @Sendable (Fields) -> Value) {
        self.name = name
        self.summary = summary
        self.read = read
    }
}

/// Objects inside objects; each is read by an initialiser of the same form, `init(_ fields: Fields)`.
extension Fields {
    /// A nested object.
    ///
    /// Where the key is absent, all defaults of the nested object hold.
    package func object<Value>(
        _ key: String, _ summary: String, role: FieldRole = .recipe, _ read: (Fields) -> Value
    ) -> Value {
        let child: Fields
        if let node {
            let origin = node.member(key)?.keyOrigin ?? anchor ?? node.origin
            let empty = JSONNode(value: .object([]), origin: origin)
            child = self.child(node[key] ?? empty, key, anchor: origin)
        } else {
            child = self.child(nil, key, anchor: nil)
        }
        let value = read(child)
        child.finish()
        let description = child.description
        return self.read(
            key, .object(description),
            presence: description.hasRequiredKey ? .required : .defaulted(.object([:])), summary, role: role,
            fallback: value, placeholder: value, decode: { _ in value },
            encode: { _ in .object(child.config) })
    }

    /// A nested object or nothing: nil where the key is absent or null.
    package func optionalObject<Value>(
        _ key: String, _ summary: String, role: FieldRole = .recipe, _ read: (Fields) -> Value
    ) -> Value? {
        let description = describe(read)
        var config: JSONValue = .null
        return self.read(
            key, .object(description), presence: .optional, summary, role: role, fallback: .some(nil),
            placeholder: nil,
            decode: { node -> Value?? in
                guard !node.isNull else { return .some(nil) }
                let (value, object) = self.readChild(node, key, read)
                config = .object(object)
                return .some(value)
            },
            encode: { _ in config })
    }

    /// A list of objects.
    ///
    /// Without a default of none, `atLeast: 0` still needs the key.
    package func objects<Value>(
        _ key: String, atLeast count: Int = 0, _ summary: String, role: FieldRole = .recipe,
        _ read: (Fields) -> Value
    ) -> [Value] {
        let type = FieldType.list(of: .object(describe(read)), atLeast: count)
        var configs: [JSONValue] = []
        return self.read(
            key, type, presence: .required, summary, role: role, fallback: nil, placeholder: [],
            decode: { node in
                self.elements(of: node, key, type, atLeast: count) { element in
                    let (value, object) = self.readChild(element, "\(key)[\(configs.count)]", read)
                    configs.append(.object(object))
                    return value
                }
            },
            encode: { _ in .array(configs) })
    }

    /// A list of objects; none where the key is absent.
    package func optionalObjects<Value>(
        _ key: String, _ summary: String, role: FieldRole = .recipe, _ read: (Fields) -> Value
    ) -> [Value] {
        let type = FieldType.list(of: .object(describe(read)), atLeast: 1)
        var configs: [JSONValue] = []
        return self.read(
            key, type, presence: .optional, summary, role: role, fallback: [], placeholder: [],
            decode: { node in
                self.elements(of: node, key, type, atLeast: 1) { element in
                    let (value, object) = self.readChild(element, "\(key)[\(configs.count)]", read)
                    configs.append(.object(object))
                    return value
                }
            },
            encode: { _ in .array(configs) })
    }

    private func readChild<Value>(
        _ node: JSONNode, _ key: String, _ read: (Fields) -> Value
    ) -> (Value, JSONObject) {
        let child = self.child(node, key, anchor: node.origin)
        let value = read(child)
        child.finish()
        return (value, child.config)
    }

    private func child(_ node: JSONNode?, _ key: String, anchor: Origin?) -> Fields {
        Fields(node, anchor: anchor, path: path + [key], session: session)
    }

    func describe<Value>(_ read: (Fields) -> Value) -> ObjectDescription {
        let fields = Fields.describing()
        _ = read(fields)
        return fields.description
    }
}

/// Lists of scalars. Without a default the key must be there.
extension Fields {
    /// Whole numbers.
    package func integers(
        _ key: String, default values: [Int]? = nil, in bounds: some FieldBounds<Int> = .any,
        atLeast count: Int = 0,
        _ summary: String, role: FieldRole = .recipe
    ) -> [Int] {
        list(key, of: .integer(bounds.bounds), atLeast: count, values, summary, role: role, { .integer($0) })
        {
            self.integer($0, key, bounds.bounds)
        }
    }

    /// Finite numbers.
    package func numbers(
        _ key: String, default values: [Double]? = nil, in bounds: some FieldBounds<Double> = .any,
        atLeast count: Int = 0, _ summary: String, role: FieldRole = .recipe
    ) -> [Double] {
        list(key, of: .number(bounds.bounds), atLeast: count, values, summary, role: role, { .number($0) }) {
            self.number($0, key, bounds.bounds)
        }
    }

    /// Texts.
    package func strings(
        _ key: String, default values: [String]? = nil, atLeast count: Int = 0, _ summary: String,
        role: FieldRole = .recipe
    ) -> [String] {
        list(key, of: .string, atLeast: count, values, summary, role: role, { .string($0) }) {
            self.string($0, key)
        }
    }

    /// Texts, at least one, or nothing.
    package func optionalStrings(
        _ key: String, _ summary: String, role: FieldRole = .recipe
    ) -> [String]? {
        let type = FieldType.list(of: .string, atLeast: 1)
        return read(
            key, type, presence: .optional, summary, role: role, fallback: .some(nil), placeholder: nil,
            decode: { node -> [String]?? in
                node.isNull
                    ? .some(nil)
                    : self.elements(of: node, key, type, atLeast: 1) { self.string($0, key) }.map(
                        Optional.some)
            },
            encode: { $0.map { .array($0.map { .string($0) }) } ?? .null })
    }

    /// Raw values of an enumeration.
    package func choices<Choice: CaseIterable & RawRepresentable<String>>(
        _ key: String, default values: [Choice]? = nil, atLeast count: Int = 0, _ summary: String,
        role: FieldRole = .recipe
    ) -> [Choice] {
        list(
            key, of: Self.type(of: Choice.self), atLeast: count, values, summary, role: role,
            { .string($0.rawValue) }
        ) { self.choice($0, key) }
    }

    private func list<Element>(
        _ key: String, of element: FieldType, atLeast count: Int, _ values: [Element]?, _ summary: String,
        role: FieldRole, _ encode: (Element) -> JSONValue, decode: (JSONNode) -> Element?
    ) -> [Element] {
        let type = FieldType.list(of: element, atLeast: count)
        return read(
            key, type, presence: values.map { .defaulted(.array($0.map(encode))) } ?? .required, summary,
            role: role, fallback: values, placeholder: [],
            decode: { node in self.elements(of: node, key, type, atLeast: count, decode) },
            encode: { .array($0.map(encode)) })
    }

    /// All elements, or nil after each bad one was reported.
    package func elements<Element>(
        of node: JSONNode, _ key: String, _ type: FieldType, atLeast count: Int,
        _ decode: (JSONNode) -> Element?
    ) -> [Element]? {
        guard let nodes = node.array, nodes.count >= count else {
            mismatch(key, type, node)
            return nil
        }
        let decoded = nodes.map(decode)
        let values = decoded.compactMap { $0 }
        return values.count == decoded.count ? values : nil
    }
}
