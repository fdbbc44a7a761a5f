import ArtifactStore
public import JSON
public import Recipes

/// In what two runs of an experiment differ, and why.
public struct RunDifference: Sendable {
    /// A stage that both runs have and that didn't give the same.
    public struct StageEntry: Sendable {
        /// The stage's full name.
        public let stage: String
        /// Why, as phrases; never empty.
        public let reasons: [String]
        /// The metrics that differ, old → new.
        public let numbers: [ValueDifference]
        /// The files that differ, or that only one artifact has.
        public let files: [String]
        /// Whether files and metrics are the same although the recipes aren't.
        public var hasSameContent: Bool { numbers.isEmpty && files.isEmpty }
        /// Whether nothing that is recorded explains it.
        public let isUnexplained: Bool
    }

    /// The runs' addresses in their stores.
    public let old: String
    public let new: String
    /// What the runs' records say of program, machine, environment and command line, where they differ.
    public let circumstances: [ValueDifference]
    public let stages: [StageEntry]
    /// How many stages are the same in both.
    public let sameCount: Int
    public let onlyOld: [String]
    public let onlyNew: [String]
    /// Stages of which an artifact isn't in its store any more, with the reason.
    public let missing: [(stage: String, reason: String)]

    /// Whether the runs made the same of the same stages.
    public var isSame: Bool { stages.isEmpty && onlyOld.isEmpty && onlyNew.isEmpty && missing.isEmpty }
}

extension RunDifference {
    /// The same as one JSON object.
    public var json: JSONValue {
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
