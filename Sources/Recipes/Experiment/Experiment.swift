package import JSON

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
