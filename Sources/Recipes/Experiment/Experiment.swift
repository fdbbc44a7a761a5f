package import JSON
package import SystemPackage

/// A configuration that was read and found right: stages in an order in which they can run.
package struct Experiment: Sendable {
    /// Its address in the store: `mini/table1`.
    package let name: String
    /// The seed of all stages that don't set their own.
    package let seed: Int
    /// What the experiment is about.
    package let description: String?
    /// Every stage and every variant of a matrix, each after those that it refers to.
    package let stages: [Stage]
    /// How far its repeats go; nil where all its stages are made.
    package internal(set) var until: Until?
    /// The look that it is cut off at; nil for the whole of it.
    package internal(set) var look: Look?
    /// The configuration that it was read from; nil for one that was put together otherwise.
    public internal(set) var source: Source?

    /// The configuration of an experiment.
    package struct Source: Sendable {
        /// The path of the main file, as given.
        package let file: String
        /// The arguments of `--set`.
        package let overrides: [String]
        /// All in one piece: a file of this content gives the same stages with the same fingerprints.
        package let resolved: JSONValue
    }

    /// The stage or variant with this full name.
    package subscript(id: String) -> Stage? { stages.first { $0.id == id } }

    /// The stages called `name` and those that they need, in running order: all variants of a matrix, or one.
    package func closure(of name: String) -> [Stage] {
        let wanted = closure(of: stages.filter { $0.name == name || $0.id == name }.map(\.id))
        return stages.filter { wanted.contains($0.id) }
    }

    /// The full names of some stages and of those that they need.
    func closure(of ids: [String]) -> Set<String> {
        var wanted = Set(ids)
        for stage in stages.reversed() where wanted.contains(stage.id) {
            wanted.formUnion(stage.inputs.flatMap(\.references).map(\.stage))
        }
        return wanted
    }
}

/// One configured stage, or one variant of a stage with a matrix.
package struct Stage: Sendable {
    /// `curve`, or `curve[threshold=0.1]`.
    package let id: String
    /// `curve`.
    package let name: String
    /// What the matrix set, by dotted path; empty without a matrix.
    package let variant: JSONObject
    /// The configured implementation.
    package let implementation: any StageDescription
    /// All that decides the artifact's content.
    package let recipe: Recipe
    /// SHA-256 of the recipe's canonical bytes, in hexadecimal.
    package let fingerprint: String
    package let inputs: [StageInput]

    /// The folder of the artifact in the experiment's folder: safe on every file system, readable, and distinct
    /// for distinct recipes.
    package var folderName: String { folderPrefix + fingerprint.prefix(12) }

    /// What the folders of all recipes of this stage begin with.
    package var folderPrefix: String {
        let allowed = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.=+")
        // Runs of other characters become one dash, so that "curve[threshold=0.1]" reads "curve-threshold=0.1".
        // by Character: as the names of folders that are there already; only ASCII is kept.
        let words = id.split { !allowed.contains($0) && $0 != "-" }
        return String(words.joined(separator: "-").prefix(120)) + "-"
    }
}

extension Experiment {
    /// For programs: the stages and variants in running order with kind, fingerprint and what they refer to.
    package var value: JSONValue {
        [
            "experiment": .string(name), "seed": .integer(seed),
            "description": description.map(JSONValue.string) ?? .null,
            "stages": .array(
                stages.map { stage in
                    var inputs: [String] = []
                    for reference in stage.inputs.flatMap(\.references)
                    where !inputs.contains(reference.stage) {
                        inputs.append(reference.stage)
                    }
                    return [
                        "stage": .string(stage.id), "kind": .string(stage.recipe.kind),
                        "fingerprint": .string(stage.fingerprint),
                        "needs": .array(inputs.map(JSONValue.string)),
                    ]
                }),
        ]
    }
}

extension Experiment {
    /// Reads and checks a configuration without running anything.
    ///
    /// - Parameters:
    ///   - path: The file. Comments are allowed.
    ///   - overrides: Arguments of `--set`, applied in order.
    ///   - registry: The kinds that stages may have.
    /// - Throws: `ConfigurationError` with every problem found; `FileError` when the file can't be read.
    package static func load(_ path: FilePath, overrides: [String] = [], registry: StageRegistry) throws
        -> Experiment
    {
        try Configuration(path, overrides: overrides, registry: registry).experiment()
    }

    /// Reads and checks the bytes of a configuration; files that it extends are looked for beside `name`.
    ///
    /// - Throws: `ConfigurationError` with every problem found.
    package static func parse(
        _ bytes: [UInt8], name: String, overrides: [String] = [], registry: StageRegistry
    ) throws(ConfigurationError) -> Experiment {
        try Configuration(parsing: bytes, name: name, overrides: overrides, registry: registry).experiment()
    }
}
