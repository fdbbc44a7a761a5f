import ArtifactStore
package import JSON
package import Recipes

/// In what two runs of an experiment differ, and why.
package struct RunDifference: Sendable {
    /// A stage that both runs have and that didn't give the same.
    package struct StageEntry: Sendable {
        /// The stage's full name.
        package let stage: String
        /// Why, as phrases; never empty.
        package let reasons: [String]
        /// The metrics that differ, old → new.
        package let numbers: [ValueDifference]
        /// The files that differ, or that only one artifact has.
        package let files: [String]
        /// Whether files and metrics are the same although the recipes aren't.
        package var hasSameContent: Bool { numbers.isEmpty && files.isEmpty }
        /// Whether nothing that is recorded explains it.
        package let isUnexplained: Bool
    }

    /// The runs' addresses in their stores.
    package let old: String
    package let new: String
    /// What the runs' records say of program, machine, environment and command line, where they differ.
    package let circumstances: [ValueDifference]
    package let stages: [StageEntry]
    /// How many stages are the same in both.
    package let sameCount: Int
    package let onlyOld: [String]
    package let onlyNew: [String]
    /// Stages of which an artifact isn't in its store any more, with the reason.
    package let missing: [(stage: String, reason: String)]

    /// Whether the runs made the same of the same stages.
    package var isSame: Bool { stages.isEmpty && onlyOld.isEmpty && onlyNew.isEmpty && missing.isEmpty }
}

extension RunDifference {
    /// The same as one JSON object.
    package var json: JSONValue {
        [
            "old": .string(old), "new": .string(new), "same": .bool(isSame),
            "sameStages": .integer(sameCount),
            "circumstances": .array(circumstances.map(\.json)),
            "stages": .array(
                stages.map { entry in
                    [
                        "stage": .string(entry.stage),
                        "reasons": .array(entry.reasons.map(JSONValue.string)),
                        "explained": .bool(!entry.isUnexplained),
                        "numbers": .array(entry.numbers.map(\.json)),
                        "files": .array(entry.files.map(JSONValue.string)),
                    ]
                }),
            "onlyOld": .array(onlyOld.map(JSONValue.string)),
            "onlyNew": .array(onlyNew.map(JSONValue.string)),
            "missing": .array(
                missing.map { ["stage": .string($0.stage), "reason": .string($0.reason)] }),
        ]
    }
}

extension ValueDifference {
    /// The values as JSON texts.
    var json: JSONValue { ["path": .string(path), "old": .text(old), "new": .text(new)] }
}
