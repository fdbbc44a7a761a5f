package import ArtifactStore
internal import Audit
internal import DecodingStages
internal import Evaluation
internal import JSON
internal import Measures
package import Recipes
package import Reporting
internal import Runs
internal import StageBasics

/// A run as one HTML file that needs nothing but itself.
///
/// What it says comes from the records of the run; only trajectories are decoded again. The same run gives the same
/// bytes on the same machine.
package struct RunReport: Sendable {
    /// How much a report takes and shows.
    package struct Options: Sendable {
        /// Bytes that the page may have; samples and trajectories are left out to keep below it.
        package var sizeLimit: Int
        /// Whether samples are decoded again for the trajectory viewer.
        package var decodes: Bool
        /// Threads for that.
        package var threads: Int

        package init(sizeLimit: Int = 2_000_000, decodes: Bool = true, threads: Int = Machine.current.cores) {
            self.sizeLimit = sizeLimit
            self.decodes = decodes
            self.threads = threads
        }
    }

    /// The page.
    package let html: String
    /// Samples that can be searched in it, of all that its settings have.
    package let samples: (shown: Int, all: Int)
    /// Samples whose trajectories it has, and of how many methods they are.
    package let trajectories: (count: Int, methods: Int)
    /// What is missing and why, as sentences.
    package let notes: [String]

    /// Makes the report of a run.
    ///
    /// - Parameters:
    ///   - registry: The kinds that the run's stages have.
    ///   - additions: Sections that are shown behind the verdict.
    ///   - progress: Is told what takes long.
    /// - Throws: `FileError`, `DamagedFileError` for tables that can't be read; `Interrupted`.
    package init(
        _ location: RunLocation, registry: StageRegistry, options: Options = Options(),
        additions: [ReportSection] = [],
        cancellation: Cancellation = .never, progress: (String) -> Void = { _ in }
    ) throws {
        let contents = try RunContents(location, registry: registry, cancellation: cancellation)
        let source = ReportSource(contents: contents)
        let repeats = try Self.first(of: source.items(.summary)) { try ReportedRepeats($0, $1) }
        let all = try source.items(.table).compactMap { item in
            try item.artifact.map { try ReportedComparison(item, $0, in: contents) }
        }
        // Tables that repeats are made of are shown whole by the first of them, and by one row each.
        let comparisons = Array(all.prefix(repeats == nil ? .max : 1))
        let samples = ReportSamples(source, comparisons)
        var draft = ReportDraft(
            source: source, comparisons: comparisons, repeats: repeats, each: repeats == nil ? [] : all,
            samples: samples, traces: nil, additions: additions,
            reason: samples.methods.isEmpty
                ? "This run has no samples to decode again."
                : "This page was made without decoding samples again; d3llm report does so unless it is told not to."
        )
        if options.decodes, !samples.methods.isEmpty {
            draft.traces = try ReportTraces(
                samples, in: contents, threads: options.threads, progress: progress)
        }
        let page = try draft.fitted(to: options.sizeLimit)
        html = page.html
        self.samples = (page.problems * samples.methods.count, samples.ids.count * samples.methods.count)
        let perProblem = draft.traces.map { traces in
            traces.traces.prefix(page.traced).joined().count { $0 != nil }
        }
        trajectories = (perProblem ?? 0, page.traced > 0 ? draft.traces?.count.methods ?? 0 : 0)
        notes = (draft.traces?.notes ?? []) + samples.problemsFound + contents.items.compactMap(\.problem)
    }

    private static func first<Result>(
        of items: [RunContents.Item], _ read: (RunContents.Item, Artifact) throws -> Result
    ) throws -> Result? {
        guard let item = items.first, let artifact = item.artifact else { return nil }
        return try read(item, artifact)
    }
}

/// All parts of a report, before it is decided how many samples fit.
struct ReportDraft {
    let source: ReportSource
    let comparisons: [ReportedComparison]
    let repeats: ReportedRepeats?
    /// The tables that were repeated, where there are repeats.
    let each: [ReportedComparison]
    let samples: ReportSamples
    var traces: ReportTraces?
    /// What others have to say of the run, shown behind the verdict.
    let additions: [ReportSection]
    /// Why there are no trajectories, where there are none.
    let reason: String

    /// A page, and how many problems and traced prompts are in it.
    struct Fitted {
        let html: String
        let problems: Int
        let traced: Int
    }

    /// The page with as many samples as the limit allows.
    ///
    /// Trajectories may take two fifths of it. Both are halved until they fit, so that the same run gives the same page;
    /// a page whose tables alone are larger has no samples.
    func fitted(to limit: Int) throws -> Fitted {
        var traced = traces.map { min($0.choices.count, $0.count.traces > 0 ? $0.choices.count : 0) } ?? 0
        while traced > 0, try Self.size(traces?.value(first: traced)) > limit * 2 / 5 { traced /= 2 }
        var problems = samples.ids.count
        while true {
            let html = try page(problems: problems, traced: traced)
            if html.utf8.count <= limit || (problems == 0 && traced == 0) {
                return Fitted(html: html, problems: problems, traced: traced)
            }
            // What is over by little shouldn't lose half: three quarters at a time.
            if problems > 0 { problems = problems * 3 / 4 } else { traced /= 2 }
        }
    }

    private static func size(_ value: JSONValue?) throws -> Int { try value?.compactBytes().count ?? 0 }

    private func page(problems: Int, traced: Int) throws -> String {
        var members: [(String, JSONValue)] = []
        if problems > 0 { members.append(("samples", samples.value(first: problems))) }
        if let value = traces?.value(first: traced) { members.append(("traces", value)) }
        let teaching = traced > 0 ? ReportTeaching(source, words: traces?.words) : nil
        if let teaching { members.append(("teaching", teaching.value)) }
        let data =
            try members.isEmpty
            ? nil : String(decoding: JSONValue.object(JSONObject(members)).compactBytes(), as: UTF8.self)
        let run = source.run
        let imported = source.contents.imported.map { " \($0)" } ?? ""
        return ReportPage(
            title: "\(run.experiment): report of a run",
            lead:
                "Run \(source.contents.location.address), \(run.status.rawValue) \(run.finished); d3LLM in Swift, a reproduction of arXiv 2601.07568.\(imported)",
            sections: sections(problems: problems, traced: traced, teaching), data: data,
            footer:
                "Made by d3llm report from the records of the run; the same run gives the same page. Places are relative to the store. Nothing on this page is loaded from elsewhere."
        ).rendered
    }

    private func sections(problems: Int, traced: Int, _ teaching: ReportTeaching?) -> [ReportSection] {
        let verdict = ReportVerdict(
            source: source, comparisons: comparisons, repeats: repeats, additions: additions)
        var sections = [verdict.section]
        sections += additions
        if let repeats {
            sections +=
                ReportRepeatsSections(
                    repeats: repeats, each: each, roles: comparisons.main?.roles ?? .usual
                ).sections
        }
        for (number, comparison) in comparisons.enumerated() {
            let isOnly = comparisons.count == 1 && repeats == nil
            sections +=
                ReportComparisonSections(
                    source: source, comparison: comparison, number: number,
                    name: isOnly ? nil : comparison.item.entry.stage,
                    isFirst: comparison.item.entry.stage == comparisons.main?.item.entry.stage,
                    sampleIndex: { problems > 0 ? samples.index(of: $0) : nil }
                ).sections
        }
        if let training = ReportTraining(source).section { sections.append(training) }
        if let errors = ReportErrors(source: source).section { sections.append(errors) }
        sections.append(samples.section(shown: problems))
        if let teaching { sections.append(teaching.section) }
        sections.append(traces.map { $0.section(shown: traced) } ?? ReportTraces.absent(reason))
        return sections + [ReportCosts(source: source).section, ReportEnvironment(source: source).section]
    }
}

/// What kinds of errors the evaluations of a run made, of those that counted them.
struct ReportErrors {
    let source: ReportSource

    /// The table; nil where no evaluation counted errors.
    var section: ReportSection? {
        let counted = source.items(.samples).compactMap { item in
            item.artifact.flatMap { ErrorCounts(metrics: $0.record.metrics) }.map { (item, $0) }
        }
        guard !counted.isEmpty else { return nil }
        let kinds = ErrorClass.allCases.filter { kind in
            counted.contains { $0.1.counts.contains { $0.kind == kind } }
        }
        return ReportSection("errors", "Kinds of errors") {
            ReportTable(
                caption: "What went wrong first in each response",
                columns: [.init("Stage")] + kinds.map { .init($0.rawValue, isNumeric: true) },
                rows: counted.map { item, errors in
                    .init(
                        [.element(.code, text: item.entry.stage)]
                            + kinds.map { kind in
                                .text("\(errors.counts.first { $0.kind == kind }?.count ?? 0)")
                            })
                },
                notes: [
                    "early-end: what is there is right, but an end token cut it. digits-together: one forward decided the digits of a result that is wrong. wrong-operand, wrong-sum and wrong-answer: the numbers that a sum takes, its result, and what is given as the answer. docs/tasks.md defines each."
                ]
            ).html
        }
    }
}

/// The sections of repeats of a comparison: table, areas, main effects.
struct ReportRepeatsSections {
    let repeats: ReportedRepeats
    /// The tables that were repeated.
    var each: [ReportedComparison] = []
    let roles: ReportRoles

    var sections: [ReportSection] {
        [table] + spread
            + (ReportComparisonSections.effects(
                repeats.claims, over: "\(repeats.count) repeats", id: "repeated-effects",
                title: "What each part adds, over repeats"
            ).map { [$0] }
                ?? [])
    }

    /// Whose the spread is and what more repeats could tell, for planning the next run.
    private var spread: [ReportSection] {
        func section(_ id: String, _ title: String, _ recorded: ReportedRepeats.Recorded?, _ note: String)
            -> [ReportSection]
        {
            guard let recorded else { return [] }
            return [
                ReportSection(id, title) {
                    ReportTable(
                        caption: title, columns: recorded.columns.map { .init($0) },
                        rows: recorded.rows.map { ReportTable.Row($0.map { .text($0) }) }, notes: [note]
                    ).html
                }
            ]
        }
        return section(
            "variance", "Spread of the effects", repeats.variance,
            "Standard deviations by the method of moments: percent for ratios, else the measure's unit.")
            + section("power", "What so many repeats can tell", repeats.power, PowerText.note)
    }

    private var table: ReportSection {
        ReportSection("repeats", "Over \(repeats.count) repeats") {
            ReportTable(
                caption: "Means of \(repeats.count) repeats, each of which trains all models anew",
                columns: [.init("Method")]
                    + (repeats.methods.first?.speeds ?? []).map { .init($0.heading, isNumeric: true) } + [
                        .init("AUP", isNumeric: true), .init("AUP of each", isNumeric: true),
                        .init("TPF", isNumeric: true), .init("Accuracy (%)", isNumeric: true),
                    ],
                rows: repeats.methods.map { method in
                    ReportTable.Row(
                        style: method.label == roles.subject ? "ours" : nil,
                        [
                            .text(method.label)
                        ]
                            + zip(method.speeds, method.reached).map { speed, reached in
                                speed.tpf == nil ? .text("reached in \(reached)") : ReportText.speed(speed)
                            } + [
                                ReportText.interval(method.aup, 1),
                                .text(
                                    method.values.map { FixedPoint.text($0, digits: 0) }.joined(
                                        separator: " / ")),
                                ReportText.interval(method.tpf, 2), ReportText.interval(method.accuracy, 1),
                            ])
                },
                notes: [
                    "Student's 95 % interval over the repeats; where several students share a teacher, over the teachers. TPF, accuracy: at each repeat's own operating point; a dash where a repeat has none."
                ]
            ).html
            HTML.figure(
                ForestChart(
                    title: "AUP over repeats", axisTitle: "AUP", kind: .positive,
                    rows: repeats.methods.compactMap { method in
                        method.aup.map {
                            .init(method.label, value: $0.value, interval: $0.range, values: method.values)
                        }
                    }), name: "repeats",
                caption: "The circles are the repeats, each of which trains all models anew.")
            if !each.isEmpty { eachRepeat }
        }
    }

    /// Every repeat by itself: its seed, the accuracy that its operating points have to reach, and what came of it.
    private var eachRepeat: HTML {
        let headings = each.first?.methods.first?.speeds.map(\.heading) ?? []
        return ReportTable(
            caption: "Each repeat",
            columns: [
                .init("Repeat"), .init("Seed", isNumeric: true), .init("Target (%)", isNumeric: true),
                .init("Method"),
            ]
                + headings.map { .init($0, isNumeric: true) }
                + [
                    .init("TPF", isNumeric: true), .init("Accuracy (%)", isNumeric: true),
                    .init("AUP", isNumeric: true),
                ],
            rows: each.flatMap { comparison in
                [roles.subject, roles.baseline].compactMap { label in
                    comparison.methods.first { $0.label == label }
                }.map { method in
                    ReportTable.Row(
                        style: method.label == roles.subject ? "ours" : nil,
                        [
                            .text(comparison.item.entry.stage),
                            .text(
                                comparison.item.artifact?.record.recipe["seed"]?.int.map(String.init) ?? "—"),
                            ReportText.number(comparison.target, 1), .text(method.label),
                        ]
                            + headings.map { heading in
                                method.speeds.first { $0.heading == heading }.map(ReportText.speed)
                                    ?? .text("—")
                            } + [
                                ReportText.interval(method.tpf, 2), ReportText.interval(method.accuracy, 1),
                                ReportText.interval(method.aup, 0),
                            ])
                }
            },
            notes: [
                "Target: the accuracy that an operating point has to reach on the problems for choosing. TPF, accuracy: at the operating point; a dash where no setting reaches the target. Intervals are over problems."
            ]
        ).html
    }
}

/// What stages took, against what was expected.
struct ReportCosts {
    let source: ReportSource

    var section: ReportSection {
        ReportSection("costs", "Time and memory") {
            HTML.paragraph(
                "The run took \(ReportText.duration(source.run.seconds)) and made \(ReportText.count(source.run.stages.count { $0.status == .made }, "stage")) of \(source.run.stages.count); the others were in the store, failed or weren't begun. For those that were there, the time is what making them took then."
            )
            groups.html
            HTML.details("Every stage", isPrinted: false) { stages.html }
        }
    }

    /// The stages of one name: variants of a matrix and repeats.
    private var groups: ReportTable {
        var names: [String] = []
        var members: [String: [RunContents.Item]] = [:]
        for item in source.contents.items {
            let name = String(item.entry.stage.unicodeScalars.prefix { $0 != "[" })
            if members[name] == nil { names.append(name) }
            members[name, default: []].append(item)
        }
        return ReportTable(
            caption: "By stage",
            columns: [
                .init("Stage"), .init("Variants", isNumeric: true), .init("Time", isNumeric: true),
                .init("Forecast", isNumeric: true), .init("Peak memory", isNumeric: true),
                .init("Forecast", isNumeric: true), .init("Outcome"),
            ],
            rows: names.map { name in
                let items = members[name] ?? []
                let seconds = items.compactMap(seconds)
                let forecasts = items.compactMap { $0.entry.forecast?.seconds }
                let all = forecasts.count == items.count
                let memory = items.compactMap { $0.entry.forecast?.memory }
                return ReportTable.Row([
                    .text(name), .text("\(items.count)"),
                    .text(seconds.isEmpty ? "—" : ReportText.duration(seconds.reduce(0, +))),
                    .text(all && !items.isEmpty ? ReportText.duration(forecasts.reduce(0, +)) : "—"),
                    .text(ReportText.size(items.compactMap(memoryUse).max())),
                    .text(ReportText.size(memory.max())), .text(outcome(items)),
                ])
            },
            notes: [
                "Time: summed over the variants. Memory: the largest. Forecasts are those that the run recorded before it began; a dash where it had none, as for stages that were in the store.",
                "Where several stages ran at once, peak memory is that of all of them.",
            ])
    }

    private var stages: ReportTable {
        ReportTable(
            caption: "Every stage of the run",
            columns: [
                .init("Stage"), .init("Status"), .init("Time", isNumeric: true),
                .init("Forecast", isNumeric: true), .init("Peak memory", isNumeric: true),
                .init("Forecast", isNumeric: true), .init("Artifact, relative to the store"),
                .init("Fingerprint"),
            ],
            rows: source.contents.items.map { item in
                ReportTable.Row([
                    .text(item.entry.stage), .text(item.problem ?? item.entry.status.rawValue),
                    .text(ReportText.duration(seconds(item))),
                    .text(ReportText.duration(item.entry.forecast?.seconds)),
                    .text(ReportText.size(memoryUse(item))),
                    .text(ReportText.size(item.entry.forecast?.memory)),
                    item.artifact == nil ? .text("—") : .element(.code, text: source.place(item)),
                    .element(.code, text: String(item.entry.fingerprint.prefix(12))),
                ])
            })
    }

    /// What it took when it was made, in this run or before.
    private func seconds(_ item: RunContents.Item) -> Double? {
        item.entry.status == .made ? item.entry.seconds : item.artifact?.record.seconds
    }

    private func memoryUse(_ item: RunContents.Item) -> Int? {
        item.entry.peakMemory ?? item.artifact.map(\.record.peakMemory).flatMap { $0 > 0 ? $0 : nil }
    }

    private func outcome(_ items: [RunContents.Item]) -> String {
        if items.count == 1, let only = items.first {
            return only.artifact?.record.summary ?? only.problem ?? only.entry.message
                ?? only.entry.status.rawValue
        }
        let counts = [
            ("made", RunRecord.Entry.Status.made), ("in the store", .cached), ("failed", .failed),
            ("not begun", .skipped),
        ]
        .compactMap { name, status -> String? in
            let count = items.count { $0.entry.status == status }
            return count > 0 ? "\(count) \(name)" : nil
        }
        return counts.joined(separator: ", ")
    }
}
