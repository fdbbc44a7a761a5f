import JSON

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
