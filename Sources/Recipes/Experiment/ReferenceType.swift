internal import Documents

/// A key that refers to the artifacts of other stages.
package enum ReferenceType: OwnFieldType {
    /// One artifact: `"@stage"`.
    case one([ArtifactType])
    /// One reference or several.
    case list([ArtifactType], atLeast: Int)
    /// References under labels.
    case labelled([ArtifactType], atLeast: Int)

    package var expectation: String {
        switch self {
        case .one(let types): "a reference such as \"@stage\" to a \(Self.alternatives(types))"
        case .list(let types, _):
            "one reference or a list of references to a \(Self.alternatives(types))"
        case .labelled(let types, _):
            "an object such as {\"label\": \"@stage\"} of references to a \(Self.alternatives(types))"
        }
    }

    package var label: String {
        switch self {
        case .one(let types): "@\(Self.alternatives(types))"
        case .list(let types, _): "list of @\(Self.alternatives(types))"
        case .labelled(let types, _): "label → @\(Self.alternatives(types))"
        }
    }

    static func alternatives(_ types: [ArtifactType]) -> String {
        types.map(\.name).joined(separator: " or ")
    }
}

extension FieldType {
    /// The references that a key takes; nil for a key that takes none.
    var reference: ReferenceType? {
        if case .own(let type) = self { type as? ReferenceType } else { nil }
    }

    static func reference(_ type: ReferenceType) -> FieldType { .own(type) }
}
