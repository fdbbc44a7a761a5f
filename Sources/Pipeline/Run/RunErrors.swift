/// A stage that threw an error.
public struct StageFailure: Error, CustomStringConvertible {
    /// The stage's full name.
    public let stage: String
    /// What it threw.
    public let underlying: any Error
    /// What is kept for the next run, as a sentence.
    public let kept: String

    public var description: String { "Stage \"\(stage)\" failed: \(underlying)\n\(kept)" }
}

/// A run that was asked to stop and did so at a safe point.
public struct RunInterrupted: Error, Sendable, Hashable, CustomStringConvertible {
    /// The stage that was running or would have been next.
    public let stage: String
    /// What is kept for the next run, as a sentence.
    public let kept: String

    public var description: String { "Interrupted at stage \"\(stage)\". \(kept)" }
}

/// A stage named on the command line that the experiment doesn't have.
public struct UnknownStageError: Error, Sendable, Hashable, CustomStringConvertible {
    public let description: String

    init(name: String, experiment: Experiment) {
        var names: [String] = []
        for stage in experiment.stages where !names.contains(stage.name) { names.append(stage.name) }
        let hint = NearestName.hint(for: name, among: names, what: "Stages").map { " \($0)" } ?? ""
        description = "The experiment \"\(experiment.name)\" has no stage \"\(name)\".\(hint)"
    }
}
