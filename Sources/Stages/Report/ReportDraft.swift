internal import ArtifactStore
internal import Audit
internal import JSON
internal import Recipes
internal import Reporting
internal import Runs

/// All parts of a report, before it is decided how many samples fit.
struct ReportDraft {
    let source: ReportSource
    let comparisons: [ReportedComparison]
    let repeats: ReportedRepeats?
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
        let data =
            try members.isEmpty
            ? nil : String(decoding: JSONValue.object(JSONObject(members)).compactBytes(), as: UTF8.self)
        let run = source.run
        let imported = source.contents.imported.map { " \($0)" } ?? ""
        return ReportPage(
            title: "\(run.experiment): report of a run",
            lead:
                "Run \(source.contents.location.address), \(run.status.rawValue) \(run.finished); d3LLM in Swift, a reproduction of arXiv 2601.07568.\(imported)",
            sections: sections(problems: problems, traced: traced), data: data,
            footer:
                "Made by d3llm report from the records of the run; the same run gives the same page. Places are relative to the store. Nothing on this page is loaded from elsewhere."
        ).rendered
    }

    private func sections(problems: Int, traced: Int) -> [ReportSection] {
        let verdict = ReportVerdict(
            source: source, comparisons: comparisons, repeats: repeats, additions: additions)
        var sections = [verdict.section]
        sections += additions
        if let repeats {
            sections +=
                ReportRepeatsSections(
                    repeats: repeats, roles: comparisons.main?.roles ?? .usual
                ).sections
        }
        for (number, comparison) in comparisons.enumerated() {
            let isOnly = comparisons.count == 1 && repeats == nil
            sections +=
                ReportComparisonSections(
                    source: source, comparison: comparison, number: number,
                    name: isOnly ? nil : comparison.item.entry.stage,
                    sampleIndex: { problems > 0 ? samples.index(of: $0) : nil }
                ).sections
        }
        if let training = ReportTraining(source).section { sections.append(training) }
        if let errors = ReportErrors(source: source).section { sections.append(errors) }
        sections.append(samples.section(shown: problems))
        sections.append(traces.map { $0.section(shown: traced) } ?? ReportTraces.absent(reason))
        return sections + [ReportCosts(source: source).section, ReportEnvironment(source: source).section]
    }
}
