package import ArtifactStore
internal import Base
internal import Files
internal import JSON
package import Recipes
internal import Reporting
internal import Runs
internal import SystemPackage

/// A store as pages: its experiments, the runs of one with their curves over one another, a run with its stages, a stage with
/// its samples.
///
/// Every page is made from the store when it is asked for; nothing is written. What a path names is looked for among what the
/// store lists, never opened by its name.
package struct StoreBrowser: Sendable {
    /// A page, or a file that stands for one.
    package enum Answer: Sendable {
        /// - refresh: seconds after which it says something else; nil for a page of what has ended.
        case page(String, refresh: Int?)
        /// The page of `d3llm report`, as it lies in the run's folder.
        case report([UInt8])
    }

    private let store: Store
    private let registry: StageRegistry

    /// So many runs are laid over one another, and so many samples are listed.
    private static let runLimit = 6
    private static let sampleLimit = 500
    /// So many points of a curve can be told apart.
    private static let pointLimit = 240
    /// A report is smaller.
    private static let reportLimit = 16 << 20

    /// - Parameter registry: The kinds that stages have.
    package init(_ store: Store, registry: StageRegistry) { (self.store, self.registry) = (store, registry) }

    /// What stands at a path; nil where there is nothing.
    package func answer(_ path: String) -> Answer? {
        let parts = path.byteText.split("/").map(\.text)
        guard let first = parts.first else { return .page(experiments(), refresh: nil) }
        let rest = parts.dropFirst()
        switch first {
        case "experiment":
            guard let name = experiment(rest.joined(separator: "/")) else { return nil }
            return .page(runs(of: name), refresh: nil)
        case "run", "report", "stage":
            // EXPERIMENT/RUN, and for a stage its fingerprint behind it.
            let isStage = first.byteText == "stage"
            let place = isStage ? rest.dropLast() : rest
            guard let name = experiment(place.dropLast().joined(separator: "/")), let run = place.last,
                let found = look(run, of: name)
            else { return nil }
            if isStage {
                guard
                    let stage = found.stages.first(where: {
                        $0.fingerprint.byteText == (rest.last ?? "").byteText
                    })
                else { return nil }
                return .page(page(stage, of: found), refresh: stage.state == .running ? 3 : nil)
            }
            if first.byteText == "report" { return report(of: found) }
            return .page(page(found), refresh: isGoing(found) ? 3 : nil)
        default: return nil
        }
    }

    private func experiment(_ name: String) -> String? {
        store.experimentsWithRuns().first { $0.byteText == name.byteText }
    }

    private func look(_ run: String, of experiment: String) -> LiveRun? {
        guard store.runNames(of: experiment).contains(where: { $0.name.byteText == run.byteText }) else {
            return nil
        }
        let folder = store.runsFolder(experiment).appending(run)
        let isEnded = FileSystem.exists(folder.appending(RunRecord.fileName))
        return LiveRun(
            folder, experiment: experiment, in: store,
            configured: isEnded ? nil : LiveRun.experiment(of: folder, registry: registry))
    }

    private func isGoing(_ run: LiveRun) -> Bool { run.record == nil && run.progress != nil }

    private func report(of run: LiveRun) -> Answer? {
        let path = run.folder.appending("report.html")
        guard let status = (try? FileSystem.status(path, followingLinks: false)) ?? nil, status.kind == .file,
            status.size <= Self.reportLimit, let bytes = try? FileSystem.read(path)
        else { return nil }
        return .report(bytes)
    }
}

extension StoreBrowser {
    /// A link to another page; only a text where its path would have other bytes than a browser sends as they are.
    private func link(_ path: [String], _ text: String) -> HTML {
        let target = "/" + path.joined(separator: "/")
        let isPlain = target.utf8.allSatisfy { byte in
            UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte
                || UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte | 0x20
                || "-_./".utf8.contains(byte)
        }
        return isPlain ? .element(.a, .href(target), text: text.visible) : .text(text.visible)
    }

    private func page(_ title: String, lead: String, _ sections: [ReportSection]) -> String {
        ReportPage(
            title: title.visible, lead: lead.visible, sections: sections,
            footer: "The store \(store.place), as it is now. Nothing here changes it.".visible
        ).rendered
    }

    /// A chart with one curve for each part that has points; nothing where none has.
    private func chart(_ title: String, _ unit: String, _ curves: [(name: String, values: [Double])]) -> HTML
    {
        let drawn = curves.filter { $0.values.count > 1 }
        guard !drawn.isEmpty else { return .empty }
        let series = drawn.map { curve in
            LineChart.Series(curve.name.visible, points: Self.thinned(curve.values))
        }
        return .figure(
            LineChart(title: title, xTitle: "line of the log", yTitle: unit, series: series), width: 720,
            height: 360, caption: title)
    }

    /// Means of neighbours where there are more points than can be told apart.
    private static func thinned(_ values: [Double]) -> [LineChart.Point] {
        let size = max(1, (values.count + pointLimit - 1) / pointLimit)
        return stride(from: 0, to: values.count, by: size).map { start in
            let part = values[start..<min(values.count, start + size)]
            return .init(
                x: Double(start) + Double(part.count + 1) / 2, y: part.reduce(0, +) / Double(part.count))
        }
    }
}

extension StoreBrowser {
    private func experiments() -> String {
        let history = try? RunHistory(store)
        var names: [String] = []
        for run in history?.runs ?? [] where !names.contains(run.experiment) { names.append(run.experiment) }
        let rows = names.map { name -> ReportTable.Row in
            let runs = (history?.runs ?? []).filter { $0.experiment.byteText == name.byteText }
            let last = runs.last
            return .init([
                link(["experiment", name], name), .text("\(runs.count)"),
                .text(last?.started.visible ?? ""), .text(last?.state.rawValue ?? ""),
                // A run that goes on has none yet.
                .text(runs.compactMap(\.numbers.summary).last?.visible ?? ""),
            ])
        }
        let table = ReportTable(
            caption: "Experiments",
            columns: [
                .init("Experiment"), .init("Runs", isNumeric: true), .init("Newest run"), .init("State"),
                .init("Results"),
            ], rows: rows)
        return page(
            "Experiments",
            lead: rows.isEmpty ? "No experiment has run in this store." : "\(rows.count) in this store.",
            [ReportSection("experiments", "Experiments") { table.html }])
    }

    /// The runs of an experiment, and the losses of the newest over one another, stage by stage.
    private func runs(of name: String) -> String {
        let runs = (try? RunHistory(store, experiments: [name]))?.runs ?? []
        let rows = runs.reversed().map { run -> ReportTable.Row in
            .init([
                link(["run", name, run.name], run.name), .text(run.state.rawValue),
                .text(run.seconds.map(Readable.duration) ?? ""), .text(run.numbers.summary?.visible ?? ""),
                .text(RunHistory.changeText(run).visible),
            ])
        }
        let looked = runs.suffix(Self.runLimit).compactMap { look($0.name, of: name) }
        var stages: [String] = []
        for stage in looked.flatMap(\.stages) where !stages.contains(stage.name) { stages.append(stage.name) }
        let charts = stages.prefix(40).map { stage -> HTML in
            // Runs that share an artifact have one curve.
            var seen: Set<String> = []
            let curves = looked.compactMap { run -> (name: String, values: [Double])? in
                guard let found = run.stages.first(where: { $0.name.byteText == stage.byteText }),
                    seen.insert(found.fingerprint).inserted
                else { return nil }
                return (run.folder.lastComponent?.string ?? "", run.training(of: found).map(\.loss))
            }
            return chart("Loss of \(stage.visible)", "loss", curves)
        }
        let table = ReportTable(
            caption: "Runs, the newest first",
            columns: [
                .init("Run"), .init("State"), .init("Took", isNumeric: true), .init("Results"),
                .init("Changed against the run before"),
            ], rows: rows)
        return page(
            name, lead: "\(runs.count == 1 ? "1 run" : "\(runs.count) runs").",
            [
                ReportSection("runs", "Runs") {
                    table.html
                    HTML.element(.p) { link([], "All experiments") }
                },
                ReportSection("curves", "Training, newest runs over one another") {
                    HTML.element(.div, [.class("charts")], charts)
                    HTML.paragraph(
                        "A line of a log is the mean of 25 steps. Runs that share an artifact have one curve; the newest \(Self.runLimit) runs are drawn."
                    )
                },
            ])
    }
}

extension StoreBrowser {
    private func page(_ run: LiveRun) -> String {
        let name = run.folder.lastComponent?.string ?? ""
        let view = WatchView(isUnicode: true, columns: 100, rows: 60)
        let rows = run.stages.map { stage -> ReportTable.Row in
            let progress = stage.progress.map { progress -> String in
                let share = progress.share.map { " (\(Int($0 * 100))%)" } ?? ""
                return "\(progress.done.map(Readable.count) ?? "")\(share) \(progress.note ?? "")"
            }
            return .init([
                link(["stage", run.experiment, name, stage.fingerprint], stage.name),
                .text(stage.kind.visible), .text(stage.state.rawValue),
                .text((stage.summary ?? progress ?? "").visible),
            ])
        }
        let table = ReportTable(
            caption: "Stages in running order",
            columns: [.init("Stage"), .init("Kind"), .init("State"), .init("What it says")], rows: rows)
        let curves = run.stages.map { ($0.name, run.training(of: $0).map(\.loss)) }.filter { $0.1.count > 1 }
        let hasReport = FileSystem.exists(run.folder.appending("report.html"))
        return page(
            "\(run.experiment), \(name)", lead: view.lines(run, isSilent: false).first ?? "",
            [
                ReportSection("stages", "Stages") {
                    table.html
                    HTML.element(.p) {
                        link(["experiment", run.experiment], "All runs of this experiment")
                    }
                    if hasReport {
                        HTML.element(.p) { link(["report", run.experiment, name], "The report of this run") }
                    } else {
                        HTML.element(.p) {
                            HTML.text("The page with tables and trajectories is made by ")
                            HTML.command("d3llm report \(run.address)")
                        }
                    }
                },
                ReportSection("training", "Training") {
                    HTML.element(
                        .div, [.class("charts")],
                        curves.prefix(12).map { name, losses in
                            chart("Loss of \(name.visible)", "loss", [("loss", losses)])
                        })
                },
            ])
    }

    private func page(_ stage: LiveRun.Stage, of run: LiveRun) -> String {
        let points = run.training(of: stage)
        let samples = run.samples(of: stage, last: Self.sampleLimit)
        let record = stage.artifact.flatMap { folder in
            (try? FileSystem.read(folder.appending(ArtifactRecord.fileName))).flatMap {
                try? ArtifactRecord(parsing: $0)
            }
        }
        var text: String?
        if let folder = stage.artifact, let name = record?.report, let file = FilePath(foreign: name),
            file.isRelative, file.lexicallyNormalized().components.first?.kind == .regular
        {
            text = try? FileSystem.readText(folder.pushing(file), limit: 1 << 20)
        }
        var sections = [
            ReportSection("summary", "Summary") {
                HTML.paragraph((stage.summary ?? stage.state.rawValue).visible)
                HTML.element(.p) {
                    link(["run", run.experiment, run.folder.lastComponent?.string ?? ""], "The whole run")
                }
                if let text { HTML.element(.pre, text: text.visibleLines) }
            }
        ]
        if points.count > 1 {
            sections.append(
                ReportSection("training", "Training") {
                    chart("Loss", "loss", [("loss", points.map(\.loss))])
                    chart("Gradient norm", "norm", [("norm", points.compactMap(\.gradientNorm))])
                    chart(
                        "Learning rate, share of the largest", "share",
                        [("rate", points.compactMap(\.rateFactor))])
                })
        }
        if !samples.isEmpty {
            let wrong = samples.filter { $0.isCorrect == false }
            let shown = wrong + samples.filter { $0.isCorrect != false }
            let table = ReportTable(
                caption: "The last \(samples.count) samples, wrong ones first: \(wrong.count)",
                columns: [.init("Sample"), .init("Verdict"), .init("Answer")],
                rows: shown.map { sample in
                    .init([
                        .text(sample.key.visible),
                        .element(
                            .span,
                            .class(
                                sample.isCorrect == nil ? "soft" : sample.isCorrect == true ? "good" : "bad"),
                            text: sample.isCorrect.map { $0 ? "right" : "wrong" } ?? "—"),
                        .text((sample.text ?? "").visible),
                    ])
                })
            sections.append(ReportSection("samples", "Samples") { table.html })
        }
        if let record {
            let metrics =
                (try? record.metrics.prettyBytes()).map { String(decoding: $0, as: UTF8.self) } ?? ""
            let recipe = (try? record.recipe.prettyBytes()).map { String(decoding: $0, as: UTF8.self) } ?? ""
            sections.append(
                ReportSection("record", "Record") {
                    HTML.paragraph("\(record.experiment)/\(record.stage), \(record.fingerprint)".visible)
                    HTML.element(.h3, text: "Recipe")
                    HTML.element(.pre, text: recipe.visibleLines)
                    HTML.element(.h3, text: "Metrics")
                    HTML.element(.pre, text: metrics.visibleLines)
                })
        }
        return page(stage.name, lead: "\(stage.kind) of \(run.address)", sections)
    }
}
