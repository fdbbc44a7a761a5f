internal import JSON

/// Finds the description of the key at a path of a configuration.
struct FieldLookup {
    package let registry: StageRegistry
    package let root: JSONNode

    package init(_ registry: StageRegistry, _ root: JSONNode) {
        self.registry = registry
        self.root = root
    }

    /// What is known about the key; nil for what has no description of its own, and for unknown keys.
    package func field(at path: ConfigPath) -> FieldDescription? {
        guard let (section, stage, rest) = path.inStage else {
            if path.key(at: 0) == Replication.key { return axis(path) }
            guard path.parts.count == 1, let key = path.key(at: 0) else { return nil }
            return ExperimentHead.fields.first { $0.key == key }
        }
        guard let node = root[section]?[stage] else { return nil }
        return field(at: rest, of: node)
    }

    /// The list of values of a key that `replicate` sweeps.
    private func axis(_ path: ConfigPath) -> FieldDescription? {
        guard path.parts.count > 1, case .key(let text)? = path.parts.last, let inner = ConfigPath(text),
            inner.key(at: 0) != Replication.key, let field = field(at: inner)
        else { return nil }
        return FieldDescription(
            key: text, type: .list(of: field.type, atLeast: 1), presence: .optional, role: field.role,
            summary: field.summary, acceptsNull: false)
    }

    /// The same for a path that starts at a stage's object.
    package func field(at path: ConfigPath, of stage: JSONNode) -> FieldDescription? {
        if path.parts.count == 1,
            let field = StageHead.fields(registry).first(where: { $0.key == path.key(at: 0) })
        {
            return field
        }
        if path.key(at: 0) == "matrix" {
            guard path.parts.count == 2, let text = path.key(at: 1), let axis = ConfigPath(inStage: text),
                axis.key(at: 0) != "matrix", let field = field(at: axis, of: stage)
            else { return nil }
            return FieldDescription(
                key: text, type: .list(of: field.type, atLeast: 1), presence: .optional, role: field.role,
                summary: field.summary, acceptsNull: false)
        }
        guard let name = stage["kind"]?.string, let kind = registry[name] else { return nil }
        return find(path.parts[...], in: StageRegistry.description(of: kind), stage)
    }

    private func find(
        _ path: ArraySlice<ConfigPath.Part>, in object: ObjectDescription, _ node: JSONNode?
    ) -> FieldDescription? {
        guard case .key(let key)? = path.first,
            let field = object.fields(of: node).first(where: { $0.key == key })
        else { return nil }
        return find(path.dropFirst(), below: field, node?[key])
    }

    private func find(
        _ path: ArraySlice<ConfigPath.Part>, below field: FieldDescription, _ node: JSONNode?
    ) -> FieldDescription? {
        guard let part = path.first else { return field }
        func element(_ type: FieldType, _ child: JSONNode?) -> FieldDescription? {
            let inner = FieldDescription(
                key: field.key, type: type, presence: .required, role: field.role, summary: field.summary)
            return find(path.dropFirst(), below: inner, child)
        }
        switch (field.type, part) {
        case (.object(let object), .key): return find(path, in: object, node)
        case (.list(let type, _), .index(let index)):
            let array = node?.array ?? []
            return element(type, array.indices.contains(index) ? array[index] : nil)
        default: break
        }
        switch (field.type.reference, part) {
        case (.labelled(let types, _), .key(let key)):
            return element(.reference(.list(types, atLeast: 1)), node?[key])
        case (.list(let types, _), .index): return element(.reference(.one(types)), nil)
        default: return nil
        }
    }

    /// The keys of the object at a path, as far as they are described.
    package func fields(below path: ConfigPath) -> [FieldDescription] {
        guard let (section, stage, rest) = path.inStage, let node = root[section]?[stage] else { return [] }
        guard rest.parts.isEmpty else {
            guard case .object(let object)? = field(at: rest, of: node)?.type else { return [] }
            return object.fields(of: node[rest])
        }
        let kind = node["kind"]?.string.flatMap { registry[$0] }
        return StageHead.fields(registry)
            + (kind.map { StageRegistry.description(of: $0).fields(of: node) } ?? [])
    }
}
