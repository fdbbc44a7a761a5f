package import ArtifactStore
package import Base
package import Recipes
package import SystemPackage

/// A stage that threw an error.
package struct StageFailure: Failure {
    /// The stage's full name.
    package let stage: String
    /// What it threw.
    package let underlying: any Error
    /// What is kept for the next run, as a sentence.
    package let kept: String

    package var failureKind: FailureKind { (underlying as? any Failure)?.failureKind ?? .work }
    package var hasOwnLines: Bool { true }

    package var description: String { "Stage \"\(stage)\" failed: \(underlying.told)\n\(kept)" }
}

/// A run in which several stages failed, or in which the others went on after one did.
package struct RunFailure: Failure {
    package var failureKind: FailureKind { .work }
    package var hasOwnLines: Bool { true }

    /// In the order in which they failed.
    package let failures: [StageFailure]
    /// The stages that weren't begun because of them, each with the reason.
    package let skipped: [(stage: String, reason: String)]

    package var description: String {
        let head = failures.count == 1 ? "1 stage failed" : "\(failures.count) stages failed"
        var text = skipped.isEmpty ? "\(head).\n" : "\(head), \(skipped.count) skipped.\n"
        for failure in failures { text += "\n\(failure)\n" }
        if !skipped.isEmpty {
            text += "\nSkipped:\n"
            text += skipped.map { "  \($0.stage): \($0.reason)\n" }.joined()
        }
        return String(text.dropLast())
    }
}

/// A run that was asked to stop and did so at a safe point.
package struct RunInterrupted: Failure, Sendable, Hashable {
    package var failureKind: FailureKind { .interruption }
    package var hasOwnLines: Bool { true }

    /// A stage that stopped before it was done.
    package struct Stop: Sendable, Hashable {
        /// The stage's full name.
        package let stage: String
        /// What is kept for the next run, as a sentence.
        package let kept: String
    }

    /// The stages that were running, or the one that would have been next.
    package let stops: [Stop]

    /// The first of the stages.
    package var stage: String { stops.first?.stage ?? "" }
    /// What is kept of the first of the stages.
    package var kept: String { stops.first?.kept ?? "" }

    package var description: String {
        if stops.count == 1 { return "Interrupted at stage \"\(stage)\". \(kept)" }
        return "Interrupted at \(stops.count) stages.\n"
            + stops.map { "  \($0.stage): \($0.kept)" }.joined(separator: "\n")
    }
}

/// A stage named on the command line that the experiment doesn't have, or that the run wouldn't reach.
package struct UnknownStageError: Failure, Sendable, Hashable {
    package var failureKind: FailureKind { .request }

    package let description: String

    package init(name: String, experiment: Experiment) {
        // A name with a bracket means a variant.
        var names: [String] = []
        for stage in experiment.stages {
            let candidate = name.byteText.contains("[") ? stage.id : stage.name
            if !names.contains(candidate) { names.append(candidate) }
        }
        let hint = NearestName.hint(for: name, among: names, what: "Stages").map { " \($0)" } ?? ""
        description = "The experiment \"\(experiment.name)\" has no stage \"\(name)\".\(hint)"
    }

    /// A stage that `option` names but `--only` leaves out.
    package init(_ name: String, outside only: [String], option: String) {
        description =
            "\(option) names the stage \"\(name)\", but --only \(only.joined(separator: ", ")) doesn't need it. Name it with --only also, or leave one of the two out."
    }
}

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
