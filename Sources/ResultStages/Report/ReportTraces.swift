internal import ArtifactStore
internal import Audit
internal import DecodingStages
internal import Evaluation
internal import JSON
internal import Measures
internal import Recipes
internal import Reporting
internal import Runs

/// Samples decoded again with every forward remembered, for the trajectory viewer.
struct ReportTraces {
    /// Problems that are shown.
    static let problemCount = 12

    /// A problem and why it was chosen.
    struct Choice: Hashable {
        let index: Int
        let reason: String
    }

    let choices: [Choice]
    let samples: ReportSamples
    /// By place in ``choices``, then by method; nil where there is no trace.
    private(set) var traces: [[DecodedTrace?]]
    private(set) var notes: [String] = []
    /// What tokens are called; nil where nothing was decoded again.
    private(set) var words: EvaluateStage.TraceWords?
    private var blockLengths: [Int]

    /// The problems by rule: the first half of the places goes to the first ids, the other half to the first problems
    /// of which some methods' answers are right and others wrong; places left over go to the next ids.
    static func choose(_ samples: ReportSamples, count: Int = problemCount) -> [Choice] {
        let all = samples.ids.indices
        var chosen = all.prefix(count / 2).map { Choice(index: $0, reason: "among the first ids") }
        func isNew(_ index: Int) -> Bool { !chosen.contains { $0.index == index } }
        let split = all.filter { index in
            isNew(index)
                && Set(
                    samples.methods.map { $0.records[index] }.filter(\.isGraded).map(\.correct)
                ).count == 2
        }
        chosen += split.prefix(count - chosen.count).map {
            Choice(index: $0, reason: "among the first on which methods disagree")
        }
        let rest = all.filter(isNew).prefix(max(0, count - chosen.count))
        chosen += rest.map { Choice(index: $0, reason: "among the first ids") }
        return chosen.sorted { $0.index < $1.index }
    }

    /// Decodes the chosen samples of every method again.
    ///
    /// A sample that doesn't come out as it was recorded isn't shown; the notes name it.
    /// - Throws: `Interrupted`.
    init(
        _ samples: ReportSamples, in contents: RunContents, threads: Int,
        progress: (String) -> Void
    ) throws {
        self.samples = samples
        choices = Self.choose(samples)
        traces = choices.map { _ in samples.methods.map { _ in nil } }
        blockLengths = samples.methods.map { _ in 0 }
        for (m, method) in samples.methods.enumerated() {
            progress("report: decoding \(choices.count) samples of \(method.name) again")
            do {
                let context = try contents.context(for: method.item, threads: threads)
                guard let stage = contents.implementation(of: method.item) as? EvaluateStage else { continue }
                let found = try stage.traces(of: choices.map(\.index), context)
                words = words ?? found.words
                blockLengths[m] = stage.traceBlockLength
                take(found.traces, m, method)
            } catch let error as Interrupted {
                throw error
            } catch {
                let text = "\(method.name) can't be shown: \(error)"
                if !notes.contains(text) { notes.append(text) }
            }
        }
    }

    private mutating func take(_ found: [Int: DecodedTrace], _ m: Int, _ method: ReportSamples.Method) {
        for (c, choice) in choices.enumerated() {
            guard let trace = found[choice.index] else { continue }
            guard trace.record == method.records[choice.index] else {
                notes.append(
                    "\(samples.ids[choice.index]) of \(method.name) isn't shown: decoded again, it came out otherwise than recorded. d3llm verify --rerun says where; another machine or another build can be the reason."
                )
                continue
            }
            traces[c][m] = trace
        }
    }

    /// How many samples there are to look at, and of how many methods.
    var count: (traces: Int, methods: Int) {
        let all = traces.joined().compactMap { $0 }
        return (all.count, samples.methods.indices.count { m in traces.contains { $0[m] != nil } })
    }

    /// What is shown beside the first decoder: the baseline, where it is there.
    private func second(beside first: Int, in shown: [[DecodedTrace?]]) -> Int? {
        samples.methods.firstIndex { $0.name == samples.roles.baseline }.flatMap { m in
            m != first && shown.contains { $0[m] != nil } ? m : nil
        }
    }

    /// As the viewer reads it; nil where there is nothing to see.
    ///
    /// - Parameter limit: Problems at most.
    func value(first limit: Int) -> JSONValue? {
        guard let words, count.traces > 0, limit > 0 else { return nil }
        let shown = Array(traces.prefix(limit))
        let tokens = shown.joined().reduce(into: Set<Int32>()) { $0.formUnion($1?.tokens ?? []) }.sorted()
        let first =
            samples.methods.firstIndex { $0.name == samples.roles.subject }.flatMap { m in
                shown.contains { $0[m] != nil } ? m : nil
            } ?? samples.methods.indices.first { m in shown.contains { $0[m] != nil } } ?? 0
        return [
            "mask": .integer(Int(words.mask)), "end": .integer(words.end.map(Int.init) ?? -1),
            "first": .integer(first),
            "second": second(beside: first, in: shown).map { .integer($0) } ?? .null,
            "kinds": .array(DecodedTrace.kinds.map { .string($0) }),
            "tokens": .object(JSONObject(tokens.map { ("\($0)", .string(words.text($0))) })),
            "methods": .array(
                zip(samples.methods, blockLengths).map { method, length in
                    [
                        "name": .string(method.name), "setting": .string(method.setting),
                        "blockLength": .integer(length),
                    ]
                }),
            "problems": .array(
                choices.prefix(limit).map { choice in
                    let id = samples.ids[choice.index]
                    return [
                        "id": .string(id), "prompt": .string(samples.prompt(id)),
                        "answer": .string(samples.answer(id)), "why": .string(choice.reason),
                    ]
                }),
            "runs": .array(shown.map { row in .array(row.map { $0?.value ?? .null }) }),
        ]
    }
}

extension ReportTraces {
    /// The viewer's controls and panes, which a script fills.
    ///
    /// - Parameter shown: How many of the chosen problems are in the page.
    func section(shown: Int) -> ReportSection {
        ReportSection("viewer", "Trajectories") {
            if count.traces > 0, shown > 0 {
                HTML.paragraph(
                    "How \(ReportText.count(shown, "prompt")) were decoded, forward by forward, by \(ReportText.count(count.methods, "method")). The samples were decoded again for this page with the recorded models, each in the group that it was in; only those that came out exactly as recorded are shown."
                )
                HTML.paragraph(
                    "Which prompts: half of them are the first ids, the others the first on which some methods are right and others wrong."
                )
            }
            for note in notes { HTML.paragraph(note) }
            if count.traces > 0, shown > 0 {
                HTML.element(.noscript) {
                    HTML.paragraph("To see trajectories, allow the page's own scripts.")
                }
                panel
            }
        }
    }

    /// Why there is no viewer.
    static func absent(_ reason: String) -> ReportSection {
        ReportSection("viewer", "Trajectories") { HTML.paragraph(reason) }
    }

    private var panel: HTML {
        .element(.div, .id("viewer-panel"), .hidden) {
            HTML.element(.div, .class("controls"), .role("group"), .aria("label", "What is shown")) {
                select("problem", "Prompt")
                select("left", "Decoder")
                select("right", "Beside it")
                HTML.element(.label) {
                    HTML.text("Colour")
                    HTML.element(.select, .id("viewer-colour")) {
                        HTML.element(.option, .value("state"), text: "state of the block")
                        HTML.element(.option, .value("entropy"), text: "entropy")
                    }
                }
            }
            HTML.element(.div, .class("box tour"), .role("group"), .aria("label", "A first look")) {
                HTML.element(.p, .id("viewer-tour"), .aria("live", "polite"))
                button("next", "Show me")
            }
            HTML.element(.p, .id("viewer-prompt"))
            HTML.element(.p, .id("viewer-divergence"), .class("divergence"), .aria("live", "polite"), .hidden)
            HTML.element(.div, .class("controls"), .role("group"), .aria("label", "Forwards")) {
                button("back", "Back")
                button("play", "Play")
                button("forward", "Forward")
                HTML.element(.label, .for("step"), text: "Forward evaluation")
                HTML.element(
                    .input, .id("step"), .type("range"), .bound(.min, 0), .bound(.max, 1), .bound(.step, 1),
                    .value("0"))
                HTML.element(.output, .id("viewer-at"), .for("step"))
                HTML.element(.label) {
                    HTML.text("Pace")
                    HTML.element(.select, .id("viewer-speed")) {
                        HTML.element(.option, .value("700"), text: "slow")
                        HTML.element(.option, .value("300"), text: "medium")
                        HTML.element(.option, .value("100"), text: "fast")
                    }
                }
            }
            HTML.element(.div, .class("controls"), .role("group"), .aria("label", "Take it along")) {
                button("link", "Link to this forward")
                button("save", "Save as animated SVG")
                HTML.element(.output, .id("viewer-said"), .aria("live", "polite"))
            }
            legend
            HTML.element(.div, .class("panes")) {
                HTML.element(.div, .class("pane"), .id("viewer-pane-left"))
                HTML.element(.div, .class("pane"), .id("viewer-pane-right"), .hidden)
            }
        }
    }

    private var legend: HTML {
        .group([
            .element(
                .ul, [.class("legend"), .aria("label", "Colours")],
                [
                    ("inactive", "", "inactive"),
                    ("activated", "", "activated: takes what is certain enough"),
                    ("fully", "", "fully activated: takes at least one token"),
                    ("stabilizing", "", "completed but stabilizing: not in the cache yet"),
                    ("completed", "", "completed"), ("", "●", "decoded by this forward"),
                    ("", "?", "not decoded yet"), ("", "·", "decoded before"),
                ].map(Self.legendEntry)),
            .element(
                .ul,
                [.class("legend entropies"), .id("viewer-entropies"), .aria("label", "Entropy"), .hidden],
                [
                    ("e0", "", "below 0.1 nats: certain"), ("e1", "", "below 0.3"), ("e2", "", "below 0.6"),
                    ("e3", "", "below 1"), ("e4", "", "1 or more: open"), ("", "", "white: not predicted"),
                ].map(Self.legendEntry)),
            .element(
                .ul, [.class("legend"), .aria("label", "Cache")],
                [
                    ("strip full", "F", "full: no cache"), ("strip prefill", "R", "refresh: cache made anew"),
                    ("strip cached", "C", "cached"), ("strip cache_update", "U", "cache update"),
                    ("strip dual", "D", "dual cache"),
                ].map(Self.legendEntry)),
        ])
    }

    private static func legendEntry(_ style: String, _ mark: String, _ meaning: String) -> HTML {
        .element(.li) {
            HTML.element(.span, .class(style), .aria("hidden", "true"), text: mark)
            HTML.text(" \(meaning)")
        }
    }

    private func select(_ name: String, _ label: String) -> HTML {
        .element(.label) {
            HTML.text(label)
            HTML.element(.select, .id("viewer-\(name)"))
        }
    }

    private func button(_ name: String, _ label: String) -> HTML {
        .element(.button, .id("viewer-\(name)"), .type("button"), text: label)
    }
}
