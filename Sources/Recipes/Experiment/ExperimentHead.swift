/// The keys of an experiment beside its stages.
package struct ExperimentHead {
    package let name: String
    package let seed: Int
    package let description: String?

    /// Folders of an experiment's folder in a store that hold no artifacts; no part of a name may be one of them.
    package static let reservedFolders: Set<String> = ["runs", "determinism", "launches"]

    package init(_ fields: Fields) {
        _ = fields.optionalString("$schema", "The schema that editors check the file with.")
        name = fields.string("name", "The experiment's address in the store, such as \"mini/table1\".")
        seed = fields.integer("seed", default: 0, in: 0..., "What random numbers are drawn from.")
        description = fields.optionalString("description", "What the experiment is about.")
    }

    /// The keys as ``init(_:)`` asks for them.
    package static var fields: [FieldDescription] {
        let fields = Fields.describing()
        _ = ExperimentHead(fields)
        return fields.description.fields
    }
}

/// The keys that a stage of any kind has.
enum StageHead {
    package static func fields(_ registry: StageRegistry) -> [FieldDescription] {
        [
            FieldDescription(
                key: "kind", type: .choice(registry.kinds.map { $0.name }), presence: .required,
                role: .recipe,
                summary: "What the stage does."),
            FieldDescription(
                key: "seed", type: .integer((0...).bounds), presence: .optional, role: .recipe,
                summary: "What random numbers are drawn from; the experiment's seed where it is left out.",
                acceptsNull: false),
        ]
    }
}
