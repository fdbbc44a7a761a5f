internal import Documents
internal import JSON

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
