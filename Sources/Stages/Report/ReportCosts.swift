internal import ArtifactStore
internal import Audit
internal import JSON
internal import Recipes
internal import Reporting

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
