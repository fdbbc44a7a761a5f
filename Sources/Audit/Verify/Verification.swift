import ArtifactStore
package import JSON

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
