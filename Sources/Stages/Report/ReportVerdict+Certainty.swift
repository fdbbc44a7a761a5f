internal import ArtifactStore
internal import Audit
internal import JSON
internal import Recipes
internal import Reporting
internal import Runs

extension ReportVerdict {
    /// What the intervals cover and what they don't, and what the numbers may be set beside.
    var certainty: [String] {
        var lines: [String] = []
        if let repeats {
            lines.append(
                repeats.teachers < repeats.count
                    ? "There are \(repeats.count) repeats of \(ReportText.count(repeats.teachers, "teacher")): students that share one are no independent repeats, so that intervals are over teachers. A verdict \u{201C}open\u{201D} means that these repeats can't tell, not that there is no difference."
                    : "All models were trained \(repeats.count) times, with other seeds and other data. The intervals are over these repeats; with so few they are wide, and a verdict \u{201C}open\u{201D} means that \(repeats.count) repeats can't tell, not that there is no difference."
            )
        } else if let comparison {
            if let reported = comparison.reported {
                lines.append(
                    "Every number of the main table is of \(ReportText.count(reported, "held-back problem")); settings were chosen on as many others."
                )
            }
            lines.append(
                "The intervals (Wilson for accuracy, bootstrap for TPF, AUP and differences; 95 %) say how the numbers could change with other problems. They don't cover another training."
            )
            lines.append(seed)
        }
        if let target = comparison?.target {
            lines.append(
                "An operating point is the fastest setting that reaches \(FixedPoint.text(target, digits: 1)) % accuracy on the problems for choosing."
            )
        }
        if let limit = comparison?.taskLimit {
            lines.append(
                "The task itself limits speed: an exact decoder that computes one link of the dependency chain per forward reaches at most TPF \(FixedPoint.text(limit, digits: 1))."
            )
        }
        return lines + [comparability]
    }

    private var seed: String {
        let seeds = source.seeds
        guard seeds.count <= 1 else {
            return
                "The artifacts were made with the seeds \(ReportText.list(seeds.map(String.init))); this page has no intervals over them."
        }
        let name = seeds.first.map { " (seed \($0))" } ?? ""
        return
            "Each model was trained once\(name). One seed can't show whether another training would give the same order of methods: differences that are small beside those between neighbouring methods may turn round. Repeating the experiment over several seeds (\"replicate\") measures that."
    }

    /// Whether the paper's numbers may stand beside these.
    private var comparability: String {
        let isGenerated = source.contents.items.contains {
            $0.artifact?.record.recipe["kind"]?.string == SynthesizeStage.name
        }
        let size = source.parameters.map {
            "a model of \(FixedPoint.text(Double($0) / 1e6, digits: 2)) million parameters"
        }
        guard isGenerated || size != nil else {
            return
                "Numbers of papers may be set beside these only where model, data and measures are the same."
        }
        return
            "Not comparable with published numbers: here \(size ?? "a small model") answers \(isGenerated ? "generated problems" : "other data"), in the paper models of 7 and 8 billion parameters answer GSM8K, MATH, HumanEval, MBPP and Long-GSM8K. Published points are therefore not drawn into the curves; what can be checked are orderings and ratios, the claims."
    }
}
