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
