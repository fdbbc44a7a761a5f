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
