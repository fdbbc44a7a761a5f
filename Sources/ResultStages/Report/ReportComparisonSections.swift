import ArtifactStore
internal import Audit
internal import Base
internal import DecodingStages
internal import Reporting

/// The sections of a comparison of methods: table, curves, areas, claimed differences.
struct ReportComparisonSections {
    let source: ReportSource
    let comparison: ReportedComparison
    /// Which of the run's comparisons this is, from 0.
    let number: Int
    /// The stage that made it, where titles should tell it from others.
    let name: String?
    /// Whether its curves stand at the top of the page already.
    let isFirst: Bool
    /// The place of a stage among those whose samples are in the page; nil where they aren't.
    let sampleIndex: (RunContents.Item) -> Int?

    var sections: [ReportSection] {
        (speeds.map { [$0] } ?? []) + [table, curves, areas] + (effects.map { [$0] } ?? [])
    }

    private func id(_ base: String) -> String { number == 0 ? base : "\(base)-\(number + 1)" }
    private func title(_ base: String) -> String { name.map { "\(base): \($0)" } ?? base }

    private var table: ReportSection {
        ReportSection(id("methods"), title("Methods")) {
            ReportTable(
                caption: "Each method at its operating point",
                columns: [
                    .init("Method"), .init("Setting"),
                    .init("TPF", isNumeric: true, hint: "tokens per forward evaluation"),
                    .init("NFE", isNumeric: true, hint: "forward evaluations per problem"),
                    .init("Inputs", isNumeric: true, hint: "tokens fed to the model per problem"),
                    .init("Accuracy (%)", isNumeric: true),
                    .init("AUP", isNumeric: true, hint: "accuracy under parallelism"), .init("Where from"),
                ], rows: comparison.methods.map(row),
                notes: [
                    "TPF: tokens up to and including the first end token over all forward evaluations. NFE: forward evaluations per problem. Inputs: tokens fed to the model per problem, fewer with a cache.",
                    "Accuracy: Wilson 95 % interval. TPF, AUP: bootstrap 95 % interval over problems.",
                    "A dash: no setting reaches the target accuracy on the problems for choosing; the samples are then those of its most accurate setting.",
                ]
            ).html
        }
    }

    /// Speeds at fixed accuracies beside the areas; nil for tables of before there were such.
    private var speeds: ReportSection? {
        let headings = comparison.methods.first?.speeds.map(\.heading) ?? []
        guard !headings.isEmpty else { return nil }
        return ReportSection(id("speeds"), title("Speed at fixed accuracies")) {
            ReportTable(
                caption: "Tokens per forward where each curve falls below an accuracy, and the areas",
                columns: [.init("Method")]
                    + headings.map {
                        .init($0, isNumeric: true, hint: "tokens per forward at this accuracy in percent")
                    }
                    + [
                        .init(
                            "AUP", isNumeric: true,
                            hint: "with the curve's own cut-off, as upstream defines it"),
                        .init("Common AUP", isNumeric: true, hint: "with one cut-off for all curves"),
                        .init("AUP jumps between"),
                    ],
                rows: comparison.methods.map { method in
                    ReportTable.Row(
                        style: method.label == comparison.roles.subject ? "ours" : nil,
                        [.text(method.label)] + method.speeds.map(ReportText.speed) + [
                            ReportText.interval(method.aup, 0), ReportText.interval(method.commonAUP, 0),
                            .text(method.jumps ?? ""),
                        ])
                },
                notes: [
                    "≥: the fastest setting is still so accurate. A dash: no setting is. Bootstrap 95 % intervals over problems.",
                    "AUP jumps between: settings within one standard error of the cut-off decide whether it is the one or the other.",
                ]
            ).html
        }
    }

    private func row(_ method: ReportedComparison.Method) -> ReportTable.Row {
        ReportTable.Row(
            style: method.label == comparison.roles.subject ? "ours" : nil,
            [
                .text(method.label), .text(method.setting ?? "—"), ReportText.interval(method.tpf, 2),
                ReportText.number(method.nfe, 1), ReportText.number(method.inputs, 0),
                ReportText.interval(method.accuracy, 1), ReportText.interval(method.aup, 1), links(method),
            ])
    }

    /// To the samples and to the command of the setting that stands for a method.
    private func links(_ method: ReportedComparison.Method) -> HTML {
        guard let setting = comparison.representative(of: method)?.setting else { return .text("—") }
        var links: [HTML] = []
        if let index = setting.item.flatMap(sampleIndex) {
            links.append(.link("samples/\(index)", "samples"))
        }
        if let place = comparison.settings.firstIndex(where: {
            $0.label == setting.label && $0.name == setting.name
        }) {
            links += (links.isEmpty ? [] : [.text(", ")]) + [.link("\(id("setting"))-\(place)", "command")]
        }
        return links.isEmpty ? .text("—") : .group(links)
    }

    private var curves: ReportSection {
        ReportSection(id("curves"), title("Accuracy over tokens per forward")) {
            if isFirst {
                HTML.element(.p) {
                    HTML.text("The picture stands ")
                    HTML.link("verdict", "at the top of the page")
                    HTML.text("; here are its numbers.")
                }
            } else {
                HTML.figure(
                    comparison.tradeoff, name: id("curves"),
                    caption: "Every setting of every method on all problems.")
            }
            HTML.paragraph(
                "Published points are not drawn in: they are of other models and other problems, so that a point of theirs beside one of these would compare nothing. d3llm table shows the published tables, with a verdict for every cell."
            )
            HTML.details("All settings as a table, with the command that makes each", isPrinted: false) {
                settings.html
            }
        }
    }

    private var settings: ReportTable {
        ReportTable(
            caption: "All settings on all problems",
            columns: [
                .init("Method"), .init("Setting"), .init("TPF", isNumeric: true),
                .init("NFE", isNumeric: true),
                .init("Inputs", isNumeric: true), .init("Accuracy (%)", isNumeric: true), .init("Curve"),
                .init("Samples, relative to the store"), .init("Command"),
            ],
            rows: comparison.settings.enumerated().map { index, setting in
                ReportTable.Row(
                    id: "\(id("setting"))-\(index)",
                    [
                        .text(setting.label), .text(setting.name), ReportText.number(setting.tpf, 2),
                        ReportText.number(setting.nfe, 1), ReportText.number(setting.inputs, 0),
                        ReportText.interval(setting.accuracy, 1), .text(setting.isOnCurve ? "yes" : ""),
                        setting.item.map {
                            .element(.code, text: "\(source.place($0))/\(EvaluateStage.journalName).jsonl")
                        } ?? .text("—"),
                        setting.item.map { .command(source.command($0)) } ?? .text("—"),
                    ])
            },
            notes: [
                "Curve: whether the setting is on the frontier of the problems for choosing, of which AUP is the area.",
                "The command makes the stage and what it needs if the store lacks it; with --force and the stage's name it is made again. d3llm verify \(ShellWord.quoted(source.run.experiment)) --rerun 20 decodes random samples again and compares them.",
            ])
    }

    private var areas: ReportSection {
        ReportSection(id("aup"), title("AUP")) {
            HTML.figure(
                ForestChart(
                    title: "Accuracy under parallelism", axisTitle: "AUP", kind: .positive,
                    rows: comparison.methods.compactMap { method in
                        method.aup.map { .init(method.label, value: $0.value, interval: $0.range) }
                    }), name: id("aup"),
                caption:
                    "The area below the curve of each method, with lost accuracy weighed heavily. Bootstrap 95 % intervals over problems; they don't cover another training."
            )
        }
    }

    private var effects: ReportSection? {
        Self.effects(
            comparison.claims, over: "problems, paired bootstrap", id: id("effects"),
            title: title("What each part adds"))
    }

    /// The claims about AUP as differences with their intervals.
    static func effects(
        _ claims: [ReportedComparison.JudgedClaim], over what: String, id: String, title: String
    ) -> ReportSection? {
        // Percent and AUP have no common axis: ratios where there are some.
        let hasRatios = claims.contains(where: \.isRatio)
        let shown = claims.filter { hasRatios ? $0.isRatio : $0.left.byteText.hasSuffix(".aup") }
        let rows = shown.compactMap { claim -> ForestChart.Row? in
            claim.difference.map { effect in
                .init(
                    claim.statement, value: effect.value, interval: effect.range, values: claim.values,
                    verdict: claim.verdict)
            }
        }
        guard !rows.isEmpty else { return nil }
        return ReportSection(id, title) {
            HTML.figure(
                ForestChart(
                    title: hasRatios ? "Claimed effects" : "Claimed effects on AUP",
                    axisTitle: hasRatios
                        ? "percent more than what it is compared with, on a scale of ratios; interval over \(what)"
                        : "AUP more than what it is compared with, interval over \(what)",
                    kind: hasRatios ? .ratio : .difference, digits: hasRatios ? 1 : 0, rows: rows), name: id,
                caption: (hasRatios
                    ? "For each claim about a ratio, left over right"
                    : "For each claim about AUP, left minus right")
                    + ": the effect of what the two differ in. An interval that crosses the dashed line means that the data can't tell whether there is an effect."
            )
        }
    }
}

/// Numbers and phrases as reports have them.
enum ReportText {
    static func number(_ value: Double?, _ digits: Int) -> HTML {
        value.map { .text(FixedPoint.text($0, digits: digits)) } ?? .text("—")
    }

    /// "5.93 [5.89, 5.97]", the interval smaller.
    static func interval(_ interval: ReportInterval?, _ digits: Int) -> HTML {
        guard let interval else { return .text("—") }
        guard let range = interval.range else {
            return .text(FixedPoint.text(interval.value, digits: digits))
        }
        return .group([
            .text(FixedPoint.text(interval.value, digits: digits) + " "),
            .element(.span, .class("interval"), text: bounds(range, digits)),
        ])
    }

    /// "5.93 [5.89, 5.97]".
    static func plain(_ interval: ReportInterval, _ digits: Int) -> String {
        FixedPoint.text(interval.value, digits: digits)
            + (interval.range.map { " " + bounds($0, digits) } ?? "")
    }

    private static func bounds(_ range: ClosedRange<Double>, _ digits: Int) -> String {
        func end(_ value: Double) -> String {
            value.isFinite ? FixedPoint.text(value, digits: digits) : value < 0 ? "-∞" : "∞"
        }
        return "[\(end(range.lowerBound)), \(end(range.upperBound))]"
    }

    /// The effect of a claim: a ratio in percent, or a difference.
    static func effect(_ claim: ReportedComparison.JudgedClaim) -> HTML {
        guard let difference = claim.difference else { return .text("—") }
        let mark = claim.bound.map { $0 == "at least" ? "≥ " : $0 == "at most" ? "≤ " : "? " } ?? ""
        guard claim.isRatio else { return .group([.text(mark), interval(difference, 2)]) }
        return .group([.text(mark), interval(difference, 1), .text(" %")])
    }

    /// A speed at an accuracy.
    static func speed(_ speed: ReportedComparison.Speed) -> HTML {
        guard let tpf = speed.tpf else { return .text("—") }
        return .group([.text(speed.isLowerBound ? "≥ " : ""), interval(tpf, 2)])
    }

    /// A verdict in its colour; the word says it without.
    static func verdict(_ verdict: String) -> HTML {
        let style =
            switch verdict {
            case "holds": "good"
            case "does not hold": "bad"
            default: "unsure"
            }
        return .element(.span, .class(style), text: verdict)
    }

    /// "1 claim", "14 claims".
    static func count(_ number: Int, _ noun: String) -> String {
        "\(FixedPoint.text(Double(number), digits: 0, grouped: true)) \(noun)\(number == 1 ? "" : "s")"
    }

    /// "a", "a and b", "a, b and c".
    static func list(_ words: [String]) -> String {
        guard words.count > 1, let last = words.last else { return words.first ?? "" }
        return words.dropLast().joined(separator: ", ") + " and " + last
    }

    /// "0.03 s", "38 s", "2 min 05 s".
    static func duration(_ seconds: Double?) -> String {
        guard let seconds, seconds.isFinite, seconds >= 0, seconds < 1e12 else { return "—" }
        if seconds < 10 { return FixedPoint.text(seconds, digits: seconds < 1 ? 2 : 1) + " s" }
        let whole = Int(seconds.rounded())
        if whole < 60 { return "\(whole) s" }
        let (unit, part, names) =
            whole < 3600
            ? (whole / 60, whole % 60, ("min", "s")) : (whole / 3600, whole % 3600 / 60, ("h", "min"))
        return "\(unit) \(names.0) \(part < 10 ? "0" : "")\(part) \(names.1)"
    }

    /// "96 MB".
    static func size(_ bytes: Int?) -> String {
        guard let bytes else { return "—" }
        let megabytes = Double(bytes) / 1e6
        return megabytes < 10
            ? FixedPoint.text(megabytes, digits: 1) + " MB"
            : FixedPoint.text(megabytes, digits: 0, grouped: true) + " MB"
    }
}
