internal import JSON

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
