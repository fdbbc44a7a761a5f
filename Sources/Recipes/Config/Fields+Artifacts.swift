internal import Base
import JSON

/// References to the artifacts of other stages. They are part of the recipe by the fingerprint of what they
/// refer to, so that renaming a stage changes nothing.
extension Fields {
    /// One artifact of one of `types`; must be there.
    package func artifact(_ key: String, types: [ArtifactType], _ summary: String) -> ArtifactReference {
        let type = FieldType.reference(.one(types))
        return read(
            key, type, presence: .required, summary, role: .recipe, fallback: nil, placeholder: .placeholder,
            decode: { node in self.one(node, key, types) }, encode: { self.record(key, .one($0)) })
    }

    /// One artifact of one of `types`, or nothing.
    package func optionalArtifact(_ key: String, types: [ArtifactType], _ summary: String)
        -> ArtifactReference?
    {
        read(
            key, .reference(.one(types)), presence: .optional, summary, role: .recipe, fallback: .some(nil),
            placeholder: nil,
            decode: { node -> ArtifactReference?? in
                node.isNull ? .some(nil) : self.one(node, key, types).map(Optional.some)
            },
            encode: { self.record(key, $0.map(StageInput.Value.one) ?? .none) })
    }

    /// Artifacts in order: `"@stage"` or `["@stage", …]`, where a stage with a matrix stands for all its variants.
    package func artifactList(
        _ key: String, types: [ArtifactType], atLeast count: Int = 1, _ summary: String
    ) -> [ArtifactReference] {
        let type = FieldType.reference(.list(types, atLeast: count))
        return read(
            key, type, presence: .required, summary, role: .recipe, fallback: nil,
            placeholder: [],
            decode: { node in
                guard let references = self.many(node, key, types, type) else { return nil }
                guard references.count >= count else {
                    self.mismatch(key, type, node)
                    return nil
                }
                return references
            },
            encode: { self.record(key, .list($0)) })
    }

    /// Artifacts under labels, in order: `{"label": "@stage", "other": ["@a", "@b"]}`, where a stage with a
    /// matrix stands for all its variants.
    package func artifacts(
        _ key: String, types: [ArtifactType], atLeast count: Int = 1, _ summary: String
    ) -> [LabelledArtifacts] {
        let type = FieldType.reference(.labelled(types, atLeast: count))
        return read(
            key, type, presence: .required, summary, role: .recipe, fallback: nil, placeholder: [],
            decode: { node in
                guard let members = node.members, members.count >= count else {
                    self.mismatch(key, type, node)
                    return nil
                }
                let element = FieldType.reference(.list(types, atLeast: 1))
                let groups = members.map { member -> LabelledArtifacts? in
                    let path = "\(key).\(member.key)"
                    guard member.value.array?.isEmpty != true else {
                        self.mismatch(path, element, member.value)
                        return nil
                    }
                    return self.many(member.value, path, types, element).map {
                        LabelledArtifacts(label: member.key, artifacts: $0)
                    }
                }
                let whole = groups.compactMap { $0 }
                return whole.count == groups.count ? whole : nil
            },
            encode: { self.record(key, .labelled($0)) })
    }

    /// Keeps a reference as an input; the nil says that it isn't part of the config.
    private func record(_ key: String, _ value: StageInput.Value) -> JSONValue? {
        references?.record(StageInput(path: (path + [key]).joined(separator: "."), value: value))
        return nil
    }

    private func one(_ node: JSONNode, _ key: String, _ types: [ArtifactType]) -> ArtifactReference? {
        guard let references = resolve(node, key, types, .reference(.one(types))) else { return nil }
        guard references.count == 1, let reference = references.first else {
            session.report(
                node.origin,
                "\(name(of: key)) takes one artifact, but \(node.shown) has a matrix with \(references.count) variants.",
                hint: "Name one of them, for example \"\(references.first?.description ?? "")\".")
            return nil
        }
        return reference
    }

    private func many(
        _ node: JSONNode, _ key: String, _ types: [ArtifactType], _ expected: FieldType
    ) -> [ArtifactReference]? {
        guard let nodes = node.array else { return resolve(node, key, types, expected) }
        let resolved = nodes.map { resolve($0, key, types, expected) }
        return resolved.contains { $0 == nil } ? nil : resolved.flatMap { $0 ?? [] }
    }

    /// All artifacts that one `"@stage.part"` stands for; nil after a report.
    private func resolve(
        _ node: JSONNode, _ key: String, _ types: [ArtifactType], _ expected: FieldType
    ) -> [ArtifactReference]? {
        guard let text = node.string, let (stage, variant, part) = StageDirectory.split(text) else {
            mismatch(key, expected, node)
            return nil
        }
        guard let directory = references?.directory else { return nil }
        guard let entry = directory[stage] else {
            session.report(
                node.origin,
                "\(name(of: key)) refers to the stage \"\(stage)\", which isn't in this experiment.",
                hint: NearestName.hint(for: stage, among: directory.entries.map(\.name), what: "Stages"))
            return nil
        }
        references?.recordEdge(to: stage, at: node.origin)
        // The unknown kind has been reported where it stands.
        guard let kind = entry.kind else { return nil }
        guard types.contains(kind.output) else {
            session.report(
                node.origin,
                "\(name(of: key)) needs a \(ReferenceType.alternatives(types)), but \"@\(stage)\" (kind \(kind.name)) makes a \(kind.output.name).",
                hint: suggestion(of: types, in: directory))
            return nil
        }
        if let part, !kind.parts.contains(part) {
            session.report(
                node.origin, "The artifact of \"@\(stage)\" (kind \(kind.name)) has no part \"\(part)\".",
                hint: kind.parts.isEmpty
                    ? "Write \"@\(stage)\"."
                    : NearestName.hint(for: part, among: kind.parts, what: "Its parts"))
            return nil
        }
        var variants = entry.variants
        if let variant {
            variants.removeAll { $0 != variant }
            guard !variants.isEmpty else {
                session.report(
                    node.origin, "The stage \"\(stage)\" has no variant \"\(variant)\".",
                    hint: NearestName.hint(
                        for: variant, among: entry.variants, what: "Its variants"))
                return nil
            }
        }
        return variants.map { ArtifactReference(stage: $0, part: part, type: kind.output, kind: kind.name) }
    }

    private func suggestion(of types: [ArtifactType], in directory: StageDirectory) -> String? {
        let fitting = directory.entries.filter { entry in
            entry.kind.map { types.contains($0.output) } ?? false
        }
        return fitting.isEmpty
            ? nil : "These stages make one: \(fitting.map { "@" + $0.name }.joined(separator: ", "))."
    }
}
