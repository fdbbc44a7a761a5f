import ArtifactStore
internal import Base
package import JSON
import Recipes
import Runs
import SystemPackage

/// What checking a run found.
package struct Verification: Sendable {
    /// The steps of a check, in order.
    package enum Step: String, Sendable, CaseIterable {
        case record, artifacts, results, reruns, samples

        /// What the step does, as a heading.
        package var title: String {
            switch self {
            case .record: "The run's record"
            case .artifacts: "Artifacts: files, hashes, recipes, inputs"
            case .results: "Numbers computed again from records and logs"
            case .reruns: "Stages run again and compared byte for byte"
            case .samples: "Samples computed again from the models"
            }
        }
    }

    /// How one check ended.
    package enum Outcome: Sendable, Hashable {
        /// What was checked, as a phrase.
        case holds(String)
        /// What doesn't hold, as sentences.
        case broken([String])
        /// Why it couldn't be checked, as a sentence.
        case unchecked(String)
        /// It needs files that were left out of the bundle that the run came in; what is there holds.
        case leftOut(String)
    }

    /// One check.
    package struct Check: Sendable, Hashable {
        package let step: Step
        /// What it is about: a stage, or a file of the run.
        package let subject: String
        package let outcome: Outcome
    }

    /// Which samples were computed again.
    package struct Sampling: Sendable, Hashable {
        /// What they were drawn with; the same seed draws the same ones.
        package let seed: UInt64
        /// How many were drawn.
        package let drawn: Int
        /// From how many.
        package let total: Int
    }

    /// The run's address in its store.
    package let run: String
    package let checks: [Check]
    /// Nil when no samples were asked for.
    package let sampling: Sampling?
    /// Which artifacts were imported, as a sentence; nil where none was.
    package var imported: String?

    /// Whether everything was checked and holds, but what needs files that were left out.
    package var holds: Bool {
        checks.allSatisfy {
            switch $0.outcome {
            case .holds, .leftOut: true
            case .broken, .unchecked: false
            }
        }
    }

    /// The same as one JSON object.
    package var json: JSONValue {
        var object: JSONObject = ["run": .string(run), "holds": .bool(holds)]
        if let sampling {
            object["sampling"] = [
                "seed": .string("\(sampling.seed)"), "drawn": .integer(sampling.drawn),
                "total": .integer(sampling.total),
            ]
        }
        object["imported"] = .text(imported)
        object["counts"] = .object(
            JSONObject(counts.map { ($0.name, .integer($0.count)) }))
        object["checks"] = .array(
            checks.map { check in
                var entry: JSONObject = [
                    "step": .string(check.step.rawValue), "subject": .string(check.subject),
                    "outcome": .string(check.outcome.name),
                ]
                switch check.outcome {
                case .holds(let what): entry["detail"] = .string(what)
                case .broken(let problems): entry["problems"] = .array(problems.map(JSONValue.string))
                case .unchecked(let reason), .leftOut(let reason): entry["detail"] = .string(reason)
                }
                return .object(entry)
            })
        return .object(object)
    }

    var counts: [(name: String, count: Int)] {
        ["holds", "broken", "unchecked", "leftOut"].map { name in
            (name, checks.count { $0.outcome.name == name })
        }
    }
}

extension Verification.Outcome {
    var name: String {
        switch self {
        case .holds: "holds"
        case .broken: "broken"
        case .unchecked: "unchecked"
        case .leftOut: "leftOut"
        }
    }
}

extension Verification {
    /// The same for people: a heading per step, a line per check, a summary.
    package var text: String {
        var text = "\(run.visible)\n"
        let width = min(60, checks.map(\.subject.visible.count).max() ?? 0)
        for step in Step.allCases {
            let own = checks.filter { $0.step == step }
            guard !own.isEmpty else { continue }
            text += "\n\(step.title)\(step == .samples ? samplingText : "")\n"
            for check in own { text += Self.line(check, width: width) }
        }
        let note = imported.map { "\($0) That everything holds doesn't say who made it.\n" } ?? ""
        return text + "\n\(note)\(summary)\n"
    }

    private var samplingText: String {
        guard let sampling else { return "" }
        return
            " (\(Readable.count(sampling.drawn)) of \(Readable.count(sampling.total)), drawn with --seed \(sampling.seed))"
    }

    private static func line(_ check: Check, width: Int) -> String {
        // Texts of the record that is checked: they stay on their line.
        let subject = check.subject.visible
        let padding = String(repeating: " ", count: max(0, width - subject.count))
        let head = "\(subject)\(padding)  "
        switch check.outcome {
        case .holds(let what): return "  ok       \(head)\(what.visible)\n"
        case .broken(let problems):
            let indent = "\n" + String(repeating: " ", count: 11 + width + 2)
            return "  BROKEN   \(head)\(problems.map(\.visible).joined(separator: indent))\n"
        case .unchecked(let reason): return "  unknown  \(head)\(reason.visible)\n"
        case .leftOut(let what): return "  partial  \(head)\(what.visible)\n"
        }
    }

    private var summary: String {
        let checked = checks.count
        let leftOut = counts[3].count
        guard !holds else {
            return leftOut == 0
                ? "All \(checked) checks hold."
                : "All \(checked - leftOut) checks that can be made hold; \(leftOut) need files that were left out of the bundle."
        }
        let broken = counts[1].count
        let unchecked = counts[2].count
        var parts: [String] = []
        if broken > 0 { parts.append("\(broken) of \(checked) checks found something that doesn't hold") }
        if unchecked > 0 { parts.append("\(unchecked) of \(checked) couldn't be made") }
        return parts.joined(separator: "; ") + "."
    }
}

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
