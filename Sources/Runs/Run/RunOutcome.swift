public import ArtifactStore
public import SystemPackage

/// How one stage went that is done.
public struct StageOutcome: Sendable {
    /// The stage's full name.
    public let stage: String
    public let artifact: Artifact
    /// Whether the artifact was there before, or came from another process.
    public let wasCached: Bool
    /// What it took in this run.
    public let seconds: Double
    /// How many threads it had; nil when it was cached.
    public let threads: Int?
}

/// How a whole run went.
public struct RunOutcome: Sendable {
    /// In running order.
    public let stages: [StageOutcome]
    /// The folder of the run's record, of an earlier one with the same artifacts when nothing had to be made; nil when
    /// there is none and none can be written.
    public let record: FilePath?
    /// The texts that stages want printed, in order.
    public let reports: [Report]

    /// A text of an artifact that is printed when a run ends.
    public struct Report: Sendable, Hashable {
        /// The file in the store that holds it.
        public let path: FilePath
        public let text: String
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
