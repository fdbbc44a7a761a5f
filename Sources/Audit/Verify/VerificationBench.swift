import ArtifactStore
import JSON
import Recipes
import Runs
import SystemPackage

/// What checks that compute something need: artifacts, implementations, a place to work in.
struct VerificationBench {
    let artifacts: ArtifactCollection
    let configuration: RunConfiguration
    let threads: Int
    let scratch: ScratchSpace
    let cancellation: Cancellation
    let permissions: Permissions

    /// An artifact together with the stage that makes it.
    struct Subject {
        let name: String
        let artifact: Artifact
        let stage: Stage
        /// Files of the artifact or of what it was made from that were left out, as a list; nil where none were.
        let missing: String?
    }

    /// What can be said of an artifact.
    enum Access {
        case ready(Subject)
        /// Why nothing can be computed, as a sentence.
        case closed(String)
    }

    /// Artifact and implementation of an item.
    func access(_ item: ArtifactCollection.Item) -> Access {
        guard let artifact = item.artifact else { return .closed("Its artifact can't be read.") }
        guard let stage = configuration[item.fingerprint] else {
            return .closed(configuration.reason(for: artifact.record))
        }
        let missing = stage.inputs.flatMap(\.references).first { inputs(of: stage)[$0.stage] == nil }
        if let missing { return .closed("Its input \(missing) can't be read.") }
        let sources = inputs(of: stage).values.compactMap { artifacts[$0.record.fingerprint] }
        let leftOut = ([item] + sources).flatMap { item in
            item.finding.leftOut.map { "\($0.path) of \(item.name)" }
        }
        return .ready(
            Subject(
                name: item.name, artifact: artifact, stage: stage,
                missing: leftOut.isEmpty ? nil : Set(leftOut).sorted().joined(separator: ", ")))
    }

    /// The artifacts that a stage refers to, by the stage that makes them.
    private func inputs(of stage: Stage) -> [String: Artifact] {
        let names = Set(stage.inputs.flatMap(\.references).map(\.stage))
        var found: [String: Artifact] = [:]
        for other in configuration.all where names.contains(other.id) {
            found[other.id] = artifacts[other.fingerprint]?.artifact
        }
        return found
    }

    /// A context in a scratch folder of its own.
    func context(_ subject: Subject, _ purpose: String) throws -> StageContext {
        try .scratch(
            subject.stage, in: scratch.path.appending("\(purpose)-\(subject.stage.fingerprint)"),
            artifacts: inputs(of: subject.stage), threads: threads, cancellation: cancellation,
            permissions: permissions)
    }
}

extension VerificationBench.Subject {
    /// What to say of a check that failed: that it can't be made, if files were left out that it may need.
    func failure(_ problem: String) -> Verification.Outcome {
        missing.map { .leftOut("This can't be computed without \($0).") } ?? .broken([problem])
    }
}

extension VerificationBench {
    /// How summary, metrics and report of an artifact differ from a result, as sentences.
    static func differences(_ record: ArtifactRecord, _ result: StageResult) -> [String] {
        var problems = ValueDifference.between(record.metrics, result.metrics).map {
            "The metric \($0.path) is \($0.old ?? "missing"), but should be \($0.new ?? "missing")."
        }
        if record.summary != result.summary {
            problems.append("The summary is \"\(record.summary)\", but should be \"\(result.summary)\".")
        }
        if record.report != result.report?.string {
            problems.append(
                "The report is \(record.report ?? "none"), but should be \(result.report?.string ?? "none").")
        }
        return problems
    }
}
