package import Base
package import JSON

/// Where a value of a configuration comes from: everything that sets it, the weakest first.
package struct ValueExplanation: Sendable {
    /// One place that sets the value, or takes it away.
    package struct Entry: Sendable {
        /// "default", a place in a file, "matrix at …", "--set".
        package let place: String
        /// Nil where the value is taken away.
        package let value: JSONValue?
        /// More about it: the variable that it comes from, why it is gone.
        package let note: String?
    }

    package let path: String
    /// What may stand there; nil where nothing is known.
    package let expectation: String?
    /// What the key means.
    package let summary: String?
    /// The places in order; the last one holds.
    package let entries: [Entry]

    /// The entry that holds.
    package var holding: Entry? { entries.last }

    /// All entries below one another for people, with a mark at the one that holds.
    package var text: String {
        var text = "\(path): \(expectation ?? "no key that a stage asks for")\n"
        if let summary { text += "\(summary)\n" }
        guard !entries.isEmpty else { return text + "\nNothing sets it, and it has no default.\n" }
        text += "\n"
        let width = entries.map(\.place.count).max() ?? 0
        for (index, entry) in entries.enumerated() {
            let mark = index == entries.count - 1 ? "*" : " "
            let padding = String(repeating: " ", count: width - entry.place.count)
            let parts = [entry.value?.oneLine, entry.note.map { entry.value == nil ? $0 : "(\($0))" }]
            text += "\(mark) \(entry.place)\(padding)  \(parts.compactMap { $0 }.joined(separator: "  "))\n"
        }
        return text
    }
}

/// A path that leads to nothing that a configuration has or could have.
package struct UnknownPathError: Failure, Sendable, Hashable {
    package var failureKind: FailureKind { .request }

    package let description: String
}

extension JSONValue {
    /// The value on one line.
    package var oneLine: String {
        (try? compactBytes()).map { String(decoding: $0, as: UTF8.self) } ?? "?"
    }
}

extension Configuration {
    /// For programs, what ``listing(of:)`` says: the values at and below a path with all that sets them.
    ///
    /// - Throws: `UnknownPathError` for a path to nothing that the configuration has or could have.
    package func explanationValue(of text: String) throws(UnknownPathError) -> JSONValue {
        [
            "path": .string(text), "files": .array(files.map(JSONValue.string)),
            "values": .array(try explanations(of: text).map(\.value)),
        ]
    }
}

extension ValueExplanation {
    /// `entries` are the places that set the value, the weakest first; the last one holds.
    fileprivate var value: JSONValue {
        [
            "path": .string(path), "expectation": expectation.map(JSONValue.string) ?? .null,
            "summary": summary.map(JSONValue.string) ?? .null, "value": holding?.value ?? .null,
            "entries": .array(
                entries.map { entry in
                    [
                        "place": .string(entry.place), "value": entry.value ?? .null,
                        "gone": .bool(entry.value == nil), "note": entry.note.map(JSONValue.string) ?? .null,
                    ]
                }),
        ]
    }
}

extension Configuration {
    /// Says what sets the value at a path, from the default to the command line.
    ///
    /// - Parameter text: A dotted path such as `stages.curve.decoder.threshold` or `stages.teacher.phases[0].steps`.
    /// - Throws: `UnknownPathError` for a path to nothing that a configuration has or could have.
    package func explanation(of text: String) throws(UnknownPathError) -> ValueExplanation {
        let path = try self.path(text)
        return explanation(of: path)
    }

    func explanation(of path: ConfigPath) -> ValueExplanation {
        let field = FieldLookup(registry, root).field(at: path)
        var entries = defaults(path, field)
        for layer in layers { entries += history(of: path, in: layer) }
        entries += sweep(of: path)
        for override in overrides { entries += history(of: path, in: override) }
        if let last = entries.last, last.value == nil, let fallback = defaults(path, field).first {
            entries.append(fallback)
        }
        return ValueExplanation(
            path: path.description, expectation: field?.expectation, summary: field?.summary,
            entries: entries)
    }

    private func defaults(_ path: ConfigPath, _ field: FieldDescription?) -> [ValueExplanation.Entry] {
        if path.inStage?.rest == ConfigPath([.key("seed")]) {
            let seed = root["seed"].map { JSONValue(setting: $0) } ?? 0
            return [.init(place: "default", value: seed, note: "the experiment's seed")]
        }
        guard let field, let value = field.defaultValue else { return [] }
        if case .object = field.type { return [] }
        return [.init(place: "default", value: value, note: nil)]
    }

    private func history(of path: ConfigPath, in layer: Layer) -> [ValueExplanation.Entry] {
        var entries: [ValueExplanation.Entry] = []
        for removal in layer.removals where removal.path == path || removal.path.isProperPrefix(of: path) {
            entries.append(
                .init(place: removal.origin.place, value: nil, note: "left out by \"without\""))
        }
        if let node = layer.tree[path] {
            entries.append(entry(node, place: node.origin.setting.place))
        } else if let whole = replacement(of: path, in: layer.tree) {
            entries.append(
                .init(
                    place: whole.node.origin.setting.place, value: nil,
                    note: "gone: \(whole.path) is replaced as a whole"))
        }
        return entries
    }

    /// The value above a path that leaves nothing of what stood there before.
    private func replacement(of path: ConfigPath, in tree: JSONNode) -> (
        path: ConfigPath, node: JSONNode
    )? {
        for count in 1..<max(1, path.parts.count) {
            let prefix = ConfigPath(Array(path.parts.prefix(count)))
            guard let node = tree[prefix] else { return nil }
            if node.members == nil { return (prefix, node) }
        }
        return nil
    }

    /// What the matrix of the files says, which the command line may have taken back.
    private func sweep(of path: ConfigPath) -> [ValueExplanation.Entry] {
        guard let (section, stage, inner) = path.inStage, inner.key(at: 0) != "matrix" else {
            return copies(of: path)
        }
        let matrix = merged[section]?[stage]?["matrix"]?.members ?? []
        return copies(of: path)
            + matrix.compactMap { axis in
                guard let axisPath = ConfigPath(inStage: axis.key),
                    axisPath == inner || axisPath.isProperPrefix(of: inner)
                else { return nil }
                let rest = ConfigPath(Array(inner.parts.dropFirst(axisPath.parts.count)))
                let values = (axis.value.array ?? []).compactMap { $0[rest].map { JSONValue(setting: $0) } }
                return .init(
                    place: "matrix at \(axis.value.origin.setting.place)", value: .array(values),
                    note: "one variant each")
            }
    }

    /// What `replicate` of the files says; the seeds that it sweeps are those of all stages without one of their own.
    private func copies(of path: ConfigPath) -> [ValueExplanation.Entry] {
        let isSeed =
            path.inStage.map { $0.section == "stages" && $0.rest == ConfigPath([.key("seed")]) } ?? false
        return Replication.axes(of: merged[Replication.key]).compactMap { axis in
            let axisPath = ConfigPath(axis.key)
            guard axisPath == path || (isSeed && axis.key == "seed" && root[path] == nil) else { return nil }
            return .init(
                place: "replicate at \(axis.value.origin.setting.place)",
                value: JSONValue(setting: axis.value),
                note: "one copy each")
        }
    }

    private func history(of path: ConfigPath, in override: Override) -> [ValueExplanation.Entry] {
        if override.path == path { return [entry(override.value, place: "--set")] }
        guard override.path.isProperPrefix(of: path) else { return [] }
        let rest = ConfigPath(Array(path.parts.dropFirst(override.path.parts.count)))
        if let node = override.value[rest] { return [entry(node, place: "--set")] }
        return [
            .init(place: "--set", value: nil, note: "gone: \(override.path) is replaced as a whole")
        ]
    }

    private func entry(_ node: JSONNode, place: String) -> ValueExplanation.Entry {
        let note = node.origin.uses.isEmpty ? nil : "variable set at \(node.origin.place)"
        return .init(place: place, value: JSONValue(setting: node), note: note)
    }
}

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
