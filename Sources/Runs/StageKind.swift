package import ArtifactStore
package import JSON
package import Recipes
package import SystemPackage

/// An implementation of stages: what `"kind"` in a configuration picks, and how its artifact is made.
package protocol StageKind: StageDescription {
    /// What is known of the artifact before it is made, or from its record when it has been: numbers that stages
    /// which read it forecast from.
    func facts(_ context: ForecastContext) -> Facts

    /// What ``run(_:)`` is expected to take on this machine, less what an earlier process has done; nil where the kind
    /// can't tell.
    ///
    /// It reads nothing but what the context gives, so that it works for artifacts that nobody has made.
    func forecast(_ context: ForecastContext) -> StageForecast?

    /// Makes the artifact: writes files to `context.output`.
    ///
    /// The same recipe must give the same content: random numbers come from `context.seed`, and what
    /// `context` says besides (threads, folders) must not show in the result.
    func run(_ context: StageContext) throws -> StageResult

    /// Whether ``run(_:)`` asks for ``StageContext/threads`` again and again, so that a run can give it those of stages that
    /// have ended, and take some back for stages that begin.
    static var followsThreads: Bool { get }
}

extension StageKind {
    package static var followsThreads: Bool { false }
    package func facts(_ context: ForecastContext) -> Facts { [:] }
    package func forecast(_ context: ForecastContext) -> StageForecast? { nil }
}

/// What a stage says about its artifact when it is done.
package struct StageResult: Sendable {
    /// One line for people: "2,121 kept of 2,176".
    package var summary: String
    /// Numbers for other stages and for comparisons; finite ones only.
    package var metrics: JSONValue
    /// A text file of the artifact (relative to it) that is printed when the run ends.
    package var report: FilePath?

    /// Sums up what was made.
    package init(summary: String, metrics: JSONValue = .object([:]), report: FilePath? = nil) {
        self.summary = summary
        self.metrics = metrics
        self.report = report
    }
}

extension Stage {
    /// The implementation as what can be run; nil for a kind that this program can read but not run.
    package var kind: (any StageKind)? { implementation as? any StageKind }

    /// The implementation as what can be run.
    ///
    /// - Throws: ``NotRunnable`` for a kind that this program can read but not run.
    package func runnable() throws(NotRunnable) -> any StageKind {
        guard let kind else { throw NotRunnable(stage: id, kind: recipe.kind) }
        return kind
    }
}

/// A stage of a kind that has a description only.
package struct NotRunnable: Error, Sendable, CustomStringConvertible {
    package let stage: String
    package let kind: String

    package var description: String {
        "Stage \"\(stage)\" is of kind \(kind), which this program can read but not run."
    }
}

/// A stage whose summary and metrics follow from what it left in its artifact.
///
/// `d3llm verify` computes them again from there and compares them with what was recorded.
package protocol RecomputableStage: StageKind {
    /// The result that the files of an artifact give.
    ///
    /// ``StageKind/run(_:)`` and this share the function that turns records into numbers, so that they can only differ
    /// when the files do.
    ///
    /// - Parameters:
    ///   - artifact: The artifact's folder.
    ///   - context: Gives the stage's inputs; its output is a scratch folder.
    /// - Throws: What says that a file isn't what the stage would have left.
    func recompute(from artifact: FilePath, _ context: StageContext) throws -> StageResult
}

/// A stage that takes seconds at most, so that it is checked by running it again whole.
package protocol QuickStage: StageKind {}

/// A stage that is checked by running it again whole, where the leave that it needs is given.
package protocol RerunStage: StageKind, RestrictedStage {}

/// A stage that computes its samples in groups, each from the recipe, the inputs and the group's number alone.
///
/// So any group can be computed again without the others. The samples' records are the journal
/// `<journalName>.jsonl` of the artifact.
package protocol SampledStage: RecomputableStage {
    /// The name of the journal.
    static var journalName: String { get }

    /// The samples in the order in which the journal holds them.
    func sampleKeys(_ context: StageContext) throws -> [JournalKey]

    /// What computes groups of these samples.
    func groups(_ context: StageContext) throws -> SampleGroups

    /// What all records together give.
    ///
    /// - Parameter journal: The file that they are from, for messages.
    func result(of records: [JournalRecord], in journal: FilePath) throws -> StageResult
}

extension SampledStage {
    package func recompute(from artifact: FilePath, _ context: StageContext) throws -> StageResult {
        try result(of: records(in: artifact, context), in: Self.journal(of: artifact))
    }

    /// The file of the samples' records in an artifact.
    package static func journal(of artifact: FilePath) -> FilePath {
        artifact.appending("\(journalName).jsonl")
    }

    /// The records of an artifact.
    ///
    /// - Throws: `JournalError` when they aren't those of the stage's samples in their order; `FileError`.
    package func records(in artifact: FilePath, _ context: StageContext) throws -> [JournalRecord] {
        let path = Self.journal(of: artifact)
        let records = try Journal.read(path)
        let keys = try sampleKeys(context)
        for (index, (record, key)) in zip(records, keys).enumerated() where record.key != key {
            throw JournalError(
                description:
                    "\(path): record \(index + 1) is of sample \(record.key), but it should be \(key).")
        }
        guard records.count == keys.count else {
            throw JournalError(
                description: "\(path) has \(records.count) records, but the stage has \(keys.count) samples.")
        }
        return records
    }
}

/// Samples that are computed some at a time.
package struct SampleGroups: Sendable {
    /// How many samples there are.
    package let sampleCount: Int
    /// How many of them are computed together; the last group may be smaller.
    package let size: Int
    /// The records of a group, by its number; may be called on several threads at once.
    package let compute: @Sendable (Int) throws -> [JournalRecord]

    /// Groups of `size` samples.
    package init(
        of sampleCount: Int, size: Int, compute: @escaping @Sendable (Int) throws -> [JournalRecord]
    ) {
        precondition(size > 0, "a group has at least one sample")
        self.sampleCount = sampleCount
        self.size = size
        self.compute = compute
    }

    /// How many groups there are.
    package var count: Int { (sampleCount + size - 1) / size }
    /// The samples of a group.
    package func range(of group: Int) -> Range<Int> { group * size..<min(sampleCount, (group + 1) * size) }
}
