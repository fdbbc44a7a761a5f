package import ArtifactStore
package import SystemPackage

/// How one stage went that is done.
package struct StageOutcome: Sendable {
    /// The stage's full name.
    package let stage: String
    package let artifact: Artifact
    /// Whether the artifact was there before, or came from another process.
    package let wasCached: Bool
    /// What it took in this run.
    package let seconds: Double
    /// How many threads it had; nil when it was cached.
    package let threads: Int?
}

/// How a whole run went.
package struct RunOutcome: Sendable {
    /// In running order.
    package let stages: [StageOutcome]
    /// The folder of the run's record, of an earlier one with the same artifacts when nothing had to be made; nil when
    /// there is none and none can be written.
    package let record: FilePath?
    /// The texts that stages want printed, in order.
    package let reports: [Report]

    /// A text of an artifact that is printed when a run ends.
    package struct Report: Sendable, Hashable {
        /// The file in the store that holds it.
        package let path: FilePath
        package let text: String
    }
}

/// What has become of the stages of a run so far.
struct RunResults {
    /// By full name.
    var outcomes: [String: StageOutcome] = [:]
    var failures: [StageFailure] = []
    var stops: [RunInterrupted.Stop] = []
    /// Stages that can't be begun, with the reason.
    var skips: [(stage: String, reason: String)] = []
}
