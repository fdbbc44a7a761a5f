package import ArtifactStore
internal import Evaluation
internal import JSON

/// What one run of an experiment measured, by stage.
package struct Reproduction: Sendable {
    /// What an evaluation gave.
    package struct Point: Sendable, Hashable {
        /// Tokens per forward over all problems.
        package let tpf: Double
        /// Right answers in percent.
        package let accuracy: Double
        package let correct: Int
        /// Problems.
        package let count: Int
        /// Forward evaluations per problem.
        package let meanNFE: Double
    }

    /// The experiment's name.
    package let experiment: String
    /// The run's address in its store.
    package let address: String
    /// What the command line changed in the configuration.
    package let overrides: [String]
    /// The evaluations that the run has, by the stage's full name.
    package let points: [String: Point]
    /// Why stages have no numbers: failed, skipped, or no longer in the store.
    package let missing: [String: String]

    /// A run of the given parts.
    package init(
        experiment: String, address: String, overrides: [String] = [], points: [String: Point],
        missing: [String: String] = [:]
    ) {
        self.experiment = experiment
        self.address = address
        self.overrides = overrides
        self.points = points
        self.missing = missing
    }

    /// The evaluations of a recorded run.
    ///
    /// - Throws: `StoreError` when an artifact isn't whole; `FileError`.
    package init(_ location: RunLocation) throws {
        var points: [String: Point] = [:]
        var missing: [String: String] = [:]
        for entry in location.record.stages {
            switch entry.status {
            case .failed:
                missing[entry.stage] = "the stage failed: \(entry.message ?? "no reason is recorded")"
            case .skipped: missing[entry.stage] = "the stage was skipped"
            case .cached, .made:
                guard let artifact = try location.store.artifact(of: entry) else {
                    missing[entry.stage] = "the artifact isn't in the store any more"
                    continue
                }
                points[entry.stage] = Point(artifact.record.metrics)
            }
        }
        self.init(
            experiment: location.record.experiment, address: location.address,
            overrides: location.record.config?.overrides ?? [], points: points, missing: missing)
    }
}

extension Reproduction.Point {
    /// The numbers of an evaluation's artifact; nil where the metrics are those of another kind of stage.
    init?(_ metrics: JSONValue) {
        guard let tpf = metrics["tpf"]?.double, let accuracy = metrics["accuracy"]?.double,
            let correct = metrics["correct"]?.int, let count = metrics["n"]?.int, count > 0,
            (0...count).contains(correct), let nfe = metrics["nfe"]?.double
        else { return nil }
        self.init(
            tpf: tpf, accuracy: accuracy, correct: correct, count: count, meanNFE: nfe / Double(count))
    }
}
