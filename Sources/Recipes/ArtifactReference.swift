internal import Base
// Who describes a stage reads its keys with `Fields`: that reader comes with this module.
@_exported public import Documents
internal import JSON

/// What kind of thing an artifact holds: decides which keys it may be given to.
///
/// Kinds declare their own in extensions: `extension ArtifactType { static let model = ArtifactType("model") }`.
package struct ArtifactType: Hashable, Sendable {
    /// A noun as messages use it: "model", "dataset".
    package let name: String
    /// What artifacts that were made before call the same type.
    package let formerNames: [String]

    /// A type of this name.
    package init(_ name: String, formerNames: [String] = []) {
        self.name = name
        self.formerNames = formerNames
    }

    /// Whether an artifact's record that says `name` is of this type.
    package func isCalled(_ name: String) -> Bool { name == self.name || formerNames.contains { $0 == name } }
}

/// A stage's artifact, or a part of it, that another stage reads: `"@stage"` or `"@stage.part"`.
///
/// It gives kinds nothing to put into their artifacts: what a stage is called isn't part of any recipe. What tells one
/// input from another is in its own recipe, ``StageContext/record(of:)``.
package struct ArtifactReference: Hashable, Sendable, CustomStringConvertible {
    /// The stage that makes it; for a variant of a matrix its full name, `curve[threshold=0.1]`.
    package let stage: String
    /// The part of the artifact that is meant, if not all of it; what parts there are is the kind's matter.
    package let part: String?
    /// What the artifact holds.
    package let type: ArtifactType
    /// The kind of the stage that makes it, as configurations write it.
    package let kind: String

    /// As configurations write it, for messages.
    package var description: String { "@\(stage)" + (part.map { ".\($0)" } ?? "") }

    /// What is given after a problem was reported; never seen by a stage that runs.
    package static let placeholder = ArtifactReference(stage: "", part: nil, type: ArtifactType(""), kind: "")
}

/// References under one label: for example the points of one curve.
package struct LabelledArtifacts: Hashable, Sendable {
    /// The label, as the configuration has it.
    package let label: String
    /// All variants of the stages referred to, in order.
    package let artifacts: [ArtifactReference]
}

/// What one key of a stage refers to.
package struct StageInput: Sendable {
    package enum Value: Sendable {
        case none
        case one(ArtifactReference)
        case list([ArtifactReference])
        case labelled([LabelledArtifacts])
    }

    /// The dotted path of the key in the stage's object.
    package let path: String
    package let value: Value

    package var references: [ArtifactReference] {
        switch value {
        case .none: []
        case .one(let reference): [reference]
        case .list(let references): references
        case .labelled(let groups): groups.flatMap(\.artifacts)
        }
    }
}

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
    ///
    /// - Parameter recordsAbsence: Whether the recipe says that there is none; keys that came later don't, so that recipes from before
    ///   stay what they are.
    package func optionalArtifact(
        _ key: String, types: [ArtifactType], recordsAbsence: Bool = true, _ summary: String
    ) -> ArtifactReference? {
        read(
            key, .reference(.one(types)), presence: .optional, summary, role: .recipe, fallback: .some(nil),
            placeholder: nil,
            decode: { node -> ArtifactReference?? in
                node.isNull ? .some(nil) : self.one(node, key, types).map(Optional.some)
            },
            encode: {
                if $0 == nil, !recordsAbsence { return nil }
                return self.record(key, $0.map(StageInput.Value.one) ?? .none)
            })
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
            decode: { self.groups($0, key, types, type, atLeast: count) },
            encode: { self.record(key, .labelled($0)) })
    }

    /// The same, or none where the key is absent; labels have one artifact or several.
    package func optionalArtifacts(
        _ key: String, types: [ArtifactType], _ summary: String
    ) -> [LabelledArtifacts] {
        let type = FieldType.reference(.labelled(types, atLeast: 1))
        return read(
            key, type, presence: .optional, summary, role: .recipe, fallback: [], placeholder: [],
            decode: { self.groups($0, key, types, type, atLeast: 1) },
            encode: { self.record(key, .labelled($0)) })
    }

    private func groups(
        _ node: JSONNode, _ key: String, _ types: [ArtifactType], _ type: FieldType, atLeast count: Int
    ) -> [LabelledArtifacts]? {
        guard let members = node.members, members.count >= count else {
            mismatch(key, type, node)
            return nil
        }
        let element = FieldType.reference(.list(types, atLeast: 1))
        let groups = members.map { member -> LabelledArtifacts? in
            let path = "\(key).\(member.key)"
            guard member.value.array?.isEmpty != true else {
                mismatch(path, element, member.value)
                return nil
            }
            return many(member.value, path, types, element).map {
                LabelledArtifacts(label: member.key, artifacts: $0)
            }
        }
        let whole = groups.compactMap { $0 }
        return whole.count == groups.count ? whole : nil
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
                hint: NearestName.hint(for: stage, among: directory.entries.map(\.name), what: "Stages"),
                cause: "no stage \(stage)")
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

/// What the readers of one stage share beside its problems: which stages there are, and what it refers to.
package final class StageReferences: ReadingContext {
    /// The stages that can be referred to.
    package let directory: StageDirectory?
    /// The hashes of what stages take from outside.
    let pins: Pins
    /// The references by the path of their key.
    package private(set) var inputs: [StageInput] = []
    /// Each stage referred to and the place that does.
    private(set) var edges: [(stage: String, origin: Origin)] = []

    package init(directory: StageDirectory? = nil, pins: Pins = .none) {
        self.directory = directory
        self.pins = pins
    }

    func record(_ input: StageInput) { inputs.append(input) }

    func recordEdge(to stage: String, at origin: Origin) { edges.append((stage, origin)) }
}

extension Fields {
    /// What the readers of the stage share; nil while only a description is wanted.
    var references: StageReferences? { session.context as? StageReferences }
}
