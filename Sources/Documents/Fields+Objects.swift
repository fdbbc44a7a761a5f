internal import JSON

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
