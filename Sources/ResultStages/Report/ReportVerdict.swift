internal import ArtifactStore
internal import Audit
internal import Base
internal import DataStages
internal import JSON
internal import Measures
internal import Recipes
internal import Reporting
internal import Runs

/// What a reader should know after a minute: what the method does, whether it worked here, how sure that is.
///
/// Every sentence follows from the records by a rule; none is chosen for the run.
struct ReportVerdict {
    let source: ReportSource
    let comparisons: [ReportedComparison]
    let repeats: ReportedRepeats?
    /// What stands behind the verdict and says more of it.
    var additions: [ReportSection] = []

    /// The claims that count: over repeats where there are some.
    var claims: [ReportedComparison.JudgedClaim] { repeats?.claims ?? comparisons.flatMap(\.claims) }

    var comparison: ReportedComparison? { comparisons.main }

    /// The curves that are spoken of; those of the repeated comparison where there are repeats.
    private var roles: ReportRoles { comparison?.roles ?? .usual }

    private var run: RunRecord { source.run }

    var section: ReportSection {
        ReportSection("verdict", "Verdict") {
            if run.status != .finished { trouble }
            ReportGlance(comparison: comparison, repeats: repeats, claims: claims, roles: roles).html
            HTML.element(.p, .class("short"), text: "In short: \(short)")
            if !claims.isEmpty { claimTable }
            HTML.group(additions.map { .element(.p, [], [.link($0.id, $0.title)]) })
            HTML.element(.div, .class("box")) {
                // Of a method that the experiment brings itself nothing is known here.
                let isOwn = roles.namesSubject && roles.subject != ReportRoles.usual.subject
                HTML.element(.h3, text: isOwn ? "What is measured" : "What d3LLM does")
                if !isOwn {
                    HTML.paragraph(
                        "A diffusion language model starts from a masked answer and can decide several tokens per "
                            + "forward evaluation, in any order; done naively that costs accuracy. d3LLM (arXiv 2601.07568) "
                            + "adds two things. It distils a student on the order in which a teacher decoded its own "
                            + "answers (pseudo-trajectories), so that the student is certain of more tokens at once. And it "
                            + "decodes several blocks of the answer at the same time, taking every token whose entropy is "
                            + "below a threshold, with a key/value cache that is refreshed.")
                }
                HTML.paragraph(
                    "Speed is counted in tokens per forward evaluation (TPF). AUP, accuracy under parallelism, is the "
                        + "area below the curve of accuracy over TPF, in which lost accuracy weighs heavily: more is "
                        + "better.")
                HTML.element(.h3, text: "Did it work here?")
                HTML.element(.ul, [], outcome.map { .element(.li, text: $0) })
                HTML.element(.h3, text: "How sure is that?")
                HTML.element(.ul, [], certainty.map { .element(.li, text: $0) })
            }
        }
    }

    /// What kept a run from its end.
    private var trouble: HTML {
        let failed = run.stages.filter { $0.status == .failed }
        let missing = run.stages.count { $0.status == .failed || $0.status == .skipped }
        return .element(.div, .class("box warning")) {
            HTML.paragraph(
                "This run \(run.status == .failed ? "failed" : "was interrupted"): \(missing) of "
                    + "\(ReportText.count(run.stages.count, "stage")) have no result. Everything below is of the others."
            )
            if let message = run.message { HTML.paragraph(message) }
            if !failed.isEmpty {
                HTML.element(
                    .ul, [],
                    failed.map { .element(.li, text: "\($0.stage): \($0.message ?? "no reason recorded")") })
            }
        }
    }

    private var claimTable: HTML {
        let isRepeated = repeats != nil
        var columns: [ReportTable.Column] = [
            .init("Claim"), .init("Verdict"), .init("Compared"), .init("Effect", isNumeric: true),
        ]
        if hasSizes { columns.append(.init("Size")) }
        if isRepeated { columns.append(.init("Holds in", isNumeric: true)) }
        return ReportTable(
            caption: "Claims, each written down with its tolerance before the run", columns: columns,
            rows: claims.map { claim in
                ReportTable.Row(
                    [
                        .text(claim.statement), ReportText.verdict(claim.verdict), .text(claim.compared),
                        ReportText.effect(claim),
                    ] + (hasSizes ? [.text(claim.size ?? "—")] : [])
                        + (isRepeated ? [.text(claim.holdsIn ?? "—")] : []))
            },
            notes: [
                isRepeated
                    ? "Effect: left over right in percent, or left minus right; mean over the repeats with Student's interval over them; the verdict goes by the interval."
                    : "Effect: left over right in percent, or left minus right, with its paired bootstrap 95 % interval over problems; the verdict goes by the interval.",
                "holds, does not hold: the interval is above, below what is claimed. open: it contains it, so that these data can't tell. not reached: a side has no value. not run: a side has no measurement. Size: what the interval excludes.",
            ]
        ).html
    }

    /// Whether the record says how large effects are; tables of before there were ratios don't.
    private var hasSizes: Bool { claims.contains { $0.size != nil } }

    private var noClaims: String {
        if comparison != nil || repeats != nil {
            return
                "The experiment made no claims before the run, so that there is nothing to judge; the tables below say what was measured."
        }
        guard additions.isEmpty else {
            return "The experiment made no claims of its own; its numbers stand beside the published ones."
        }
        return "No table was made in this run, so that there is nothing to judge."
    }

    /// The verdict and its limits in one sentence.
    private var short: String {
        guard !claims.isEmpty else { return noClaims }
        let seeds =
            repeats.map { "over \($0.count) repeats with other seeds" }
            ?? "in one training of each model, which can't show how much of it is luck"
        return "of \(ReportText.count(claims.count, "claim")), \(ReportText.list(counts)), \(seeds)."
    }

    /// "12 hold", "2 do not hold".
    private var counts: [String] {
        ["holds", "does not hold", "open", "not reached", "not run"].compactMap { verdict -> String? in
            let count = claims.count { $0.verdict == verdict }
            guard count > 0 else { return nil }
            switch verdict {
            case "holds": return "\(count) \(count == 1 ? "holds" : "hold")"
            case "does not hold": return "\(count) \(count == 1 ? "does" : "do") not hold"
            case "not run": return "\(count) could not be measured"
            case "not reached": return "\(count) can't be decided (accuracy not reached)"
            default: return "\(count) \(count == 1 ? "is" : "are") open"
            }
        }
    }

    private var outcome: [String] {
        var lines: [String] = []
        if !claims.isEmpty {
            lines.append("Of \(ReportText.count(claims.count, "claim")), \(ReportText.list(counts)).")
            for (verdict, words) in [
                ("does not hold", "Not held"), ("open", "Open"), ("not reached", "Not reached"),
            ] {
                let those = claims.filter { $0.verdict == verdict }.map(\.statement)
                if !those.isEmpty { lines.append("\(words): \(those.joined(separator: "; ")).") }
            }
            let own =
                repeats == nil
                ? comparisons.flatMap { comparison in comparison.claims.filter(comparison.roles.areAhead) }
                : claims.filter(roles.areAhead)
            if !own.isEmpty {
                lines.append(
                    "Of the \(own.count) in which \(roles.subject) is said to be ahead, \(own.count { $0.verdict == "holds" }) hold."
                )
            }
        }
        return lines + speed + order
            + (lines.isEmpty && comparison == nil
                ? [
                    additions.isEmpty
                        ? "Nothing was compared in this run."
                        : "The published numbers tell; they stand beside those of this run."
                ] : [])
    }

    /// The operating points, where subject and baseline have one.
    private var speed: [String] {
        guard repeats == nil, let ours = comparison?.methods.first(where: { $0.label == roles.subject }),
            let tpf = ours.tpf, let accuracy = ours.accuracy
        else { return [] }
        var line =
            "At its operating point \(roles.subject) decodes \(ReportText.plain(tpf, 2)) tokens per forward at \(ReportText.plain(accuracy, 1)) % accuracy"
        if let base = comparison?.methods.first(where: { $0.label == roles.baseline }), let slow = base.tpf,
            let best = base.accuracy
        {
            line +=
                "; \(roles.baselineText) \(ReportText.plain(slow, 2)) at \(ReportText.plain(best, 1)) %"
        }
        return [line + "."]
    }

    /// The two methods with the largest AUP, and whether their intervals separate.
    private var order: [String] {
        let all =
            repeats?.methods.map { ($0.label, $0.aup) } ?? comparison?.methods.map { ($0.label, $0.aup) }
            ?? []
        let known = all.compactMap { label, aup in aup.map { (label, $0) } }
        let sorted = known.enumerated().sorted {
            ($1.element.1.value, $0.offset) < ($0.element.1.value, $1.offset)
        }.map(\.element)
        guard sorted.count > 1 else { return [] }
        let (first, second) = (sorted[0], sorted[1])
        var line =
            "The largest AUP has \(first.0) with \(ReportText.plain(first.1, 1)), then \(second.0) with \(ReportText.plain(second.1, 1))"
        if let a = first.1.range, let b = second.1.range {
            line += a.overlaps(b) ? "; their intervals overlap" : "; their intervals don't overlap"
        }
        return [line + "."]
    }
}

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

/// Which curves of a comparison a report speaks of: the one that is judged, and the one that it is measured against.
struct ReportRoles: Hashable {
    let subject: String
    let baseline: String
    /// Whether the experiment names the curve that is judged.
    let namesSubject: Bool
    /// What texts call the baseline.
    let baselineText: String

    /// The labels of this project's own experiments, for comparisons that name no roles.
    static let usual = ReportRoles(subject: nil, baseline: nil)

    private init(subject: String?, baseline: String?) {
        self.subject = subject ?? "d3LLM"
        self.baseline = baseline ?? "vanilla"
        namesSubject = subject != nil
        baselineText = baseline ?? "vanilla decoding of the teacher"
    }

    /// The roles that the stage of a comparison was given.
    init(_ record: ArtifactRecord) {
        let config = record.recipe["config"]
        self.init(subject: config?["subject"]?.string, baseline: config?["baseline"]?.string)
    }

    /// Whether the claim is that the subject is ahead.
    func areAhead(in claim: ReportedComparison.JudgedClaim) -> Bool {
        MeasureName(claim.left)?.label == subject
    }
}

extension [ReportedComparison] {
    /// The comparison that operating points and the order of methods are told of: the first that has its subject in it.
    var main: ReportedComparison? {
        first { comparison in comparison.methods.contains { $0.label == comparison.roles.subject } } ?? first
    }
}
