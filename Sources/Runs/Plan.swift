package import ArtifactStore
internal import Base
package import Recipes
package import SystemPackage

/// What a run would do, and why.
package struct Plan: Sendable {
    /// What would happen to one stage.
    package struct Entry: Sendable {
        package enum Status: String, Sendable { case cached, resume = "will resume", run = "will run" }

        /// The stage's full name.
        package let stage: String
        package let status: Status
        /// Why, as a phrase.
        package let reason: String
        /// The same without the artifact that it was compared with; nil where there is no more to it than a place.
        let cause: String?
        /// How the recipe differs from the nearest one in the store; empty where there is none.
        package let changes: [RecipeChange]
        /// The artifact that it was compared with.
        package let nearest: Nearest?
        /// Where the artifact is, or will be.
        package let folder: FilePath
        /// The bundle that it was imported from; nil where it is to be made or was made here.
        package var origin: ArtifactRecord.Origin?
        /// What it would take; nil where it is cached, where its kind doesn't know, and where nobody asked.
        package var forecast: StageForecast? { calibrated?.forecast }
        /// The same with what it is based on.
        package fileprivate(set) var calibrated: CalibratedForecast?
    }

    /// An artifact that a stage was compared with.
    package struct Nearest: Sendable {
        package let folder: FilePath
        /// Whether it is the same stage of the same experiment, made from an earlier recipe.
        package let isSameStage: Bool
        /// In seconds, of the process that finished it.
        package let duration: Double
        /// The largest resident size meanwhile, in bytes.
        package let peakMemory: Int
        /// The size of its files, in bytes.
        package let size: Int
    }

    /// One entry per stage, in running order.
    package let entries: [Entry]
    /// What the stages that aren't cached would take together; nil where all are or nobody asked.
    package let forecast: PlanForecast?
    package let experiment: Experiment
    /// Which artifacts aren't of this store's own making, as a sentence; nil where all are.
    let imported: String?

    /// Looks at the store without changing it.
    ///
    /// - Parameter forecaster: Says what the stages that aren't cached would take; it isn't used when all are.
    /// - Throws: `StoreError`, `FileError`.
    package init(_ experiment: Experiment, store: Store, forecaster: Forecaster? = nil) throws {
        let catalog = StoreCatalog(store)
        let tracer = ChangeTracer(experiment, catalog)
        let state = try StoreState(experiment, store)
        let open = experiment.stages.filter { state.records[$0.id] == nil }
        self.experiment = experiment
        imported = ImportedArtifacts(experiment.stages.compactMap { state.records[$0.id] })
            .sentence("cached stages")
        var entries = experiment.stages.map { stage in
            Self.entry(for: stage, state, experiment, store, catalog, tracer)
        }
        if let forecaster, !open.isEmpty {
            let forecasts = forecaster.forecasts(of: open, in: experiment, store, catalog, state)
            for index in entries.indices { entries[index].calibrated = forecasts[entries[index].stage] }
            forecast = PlanForecast(
                open.map { ($0.id, forecasts[$0.id]?.forecast) }, threads: forecaster.threads, store: store)
        } else {
            forecast = nil
        }
        self.entries = entries
    }

    private static func entry(
        for stage: Stage, _ state: StoreState, _ experiment: Experiment, _ store: Store,
        _ catalog: StoreCatalog, _ tracer: ChangeTracer
    ) -> Entry {
        let (finding, leftovers) = (state.findings[stage.id], state.leftovers[stage.id])
        if case .whole(let artifact) = finding {
            let origin = artifact.record.origin
            let note = origin.map { ", IMPORTED from \($0.bundle)" } ?? ""
            return Entry(
                stage: stage.id, status: .cached, reason: "\(artifact.folder)\(note)", cause: nil,
                changes: [],
                nearest: nil, folder: artifact.folder, origin: origin)
        }
        let folder = store.folder(of: stage, in: experiment)
        var reasons = leftovers.map { [resumption($0)] } ?? []
        var changes: [RecipeChange] = []
        var nearest: StoreCatalog.Nearest?
        if case .damaged(let flaw) = finding {
            reasons.append("\(folder) is no whole artifact: \(flaw)")
        } else if let found = catalog.nearest(to: stage, in: experiment) {
            nearest = found
            changes = tracer.changes(found.differences)
            let isIncomplete = IncompleteMarker(of: found.artifact.record, in: found.artifact.folder) != nil
            reasons.append(
                changes.isEmpty && isIncomplete
                    ? "it was imported without its weights" : phrase(changes, found, store))
        } else {
            reasons.append("no artifact")
        }
        return Entry(
            stage: stage.id, status: leftovers == nil ? .run : .resume,
            reason: reasons.joined(separator: "; "), cause: cause(reasons, changes, nearest),
            changes: changes,
            nearest: nearest.map(Nearest.init), folder: folder)
    }

    /// What a stage has in common with variants that are made for the same reason.
    private static func cause(
        _ reasons: [String], _ changes: [RecipeChange], _ nearest: StoreCatalog.Nearest?
    ) -> String? {
        guard reasons.count == 1, let reason = reasons.first else { return nil }
        guard let nearest, nearest.isSameStage, !changes.isEmpty else { return reason }
        return "\(ChangeSummary(changes))"
    }

    private static func phrase(
        _ changes: [RecipeChange], _ nearest: StoreCatalog.Nearest, _ store: Store
    ) -> String {
        guard nearest.isSameStage else {
            var place = nearest.artifact.folder
            _ = place.removePrefix(store.root)
            let what =
                changes.count <= ChangeSummary.limit
                ? "differs in \(ChangeSummary(changes))" : "has \(changes.count) differences"
            return "no artifact; the nearest of its kind, \(place), \(what)"
        }
        return "\(ChangeSummary(changes)) (against \(nearest.artifact.folder.lastComponent?.string ?? ""))"
    }

    private static func resumption(_ leftovers: Leftovers) -> String {
        leftovers.records > 0
            ? "\(Readable.count(leftovers.records)) records are there" : "work of an earlier run is there"
    }
}

extension Plan.Nearest {
    package init(_ nearest: StoreCatalog.Nearest) {
        let record = nearest.artifact.record
        folder = nearest.artifact.folder
        isSameStage = nearest.isSameStage
        duration = record.seconds
        peakMemory = record.peakMemory
        size = record.files.reduce(0) { $0 + $1.size }
    }
}

extension Plan {
    /// Why a stage would run or not, in full: each difference to the nearest recipe in the store, and behind each
    /// input that changed the reason for that.
    ///
    /// - Parameter name: A stage, with all its variants, or one variant.
    /// - Throws: `UnknownStageError`.
    package func reasons(for name: String) throws(UnknownStageError) -> String {
        try entries(of: name).map(text(of:)).joined(separator: "\n")
    }

    /// The entries of a stage, with all its variants, or of one variant; never empty.
    package func entries(of name: String) throws(UnknownStageError) -> [Entry] {
        let wanted = Set(experiment.stages.filter { $0.name == name || $0.id == name }.map(\.id))
        let chosen = entries.filter { wanted.contains($0.stage) }
        guard !chosen.isEmpty else { throw UnknownStageError(name: name, experiment: experiment) }
        return chosen
    }

    private func text(of entry: Entry) -> String {
        var text = "\(entry.stage.visible): \(entry.status.rawValue)\n"
        if entry.status == .cached {
            return text + "The artifact is in \(entry.folder); its recipe is the stage's.\n"
        }
        text += "Its place is \(entry.folder).\n"
        if let forecast = entry.forecast?.text { text += "It should take \(forecast).\n" }
        guard let nearest = entry.nearest else { return text + "\(entry.reason.capitalizedFirst).\n" }
        if entry.status == .resume {
            text += "\((entry.reason.byteText.split(";").first?.text ?? "").capitalizedFirst).\n"
        }
        let relation = nearest.isSameStage ? "Made before from another recipe" : "The nearest of its kind"
        let cost = StageForecast(
            seconds: nearest.duration, memory: nearest.peakMemory, disk: nearest.size)
        text += "\(relation): \(nearest.folder)\n"
        text += "  (that took \(cost.text ?? "an unknown time"))\n\nWhat differs, old → new:\n"
        var told: Set<String> = []
        return text + lines(entry.changes, indent: "  ", told: &told)
    }

    private func lines(_ changes: [RecipeChange], indent: String, told: inout Set<String>) -> String {
        changes.map { change in
            var text = "\(indent)\("\(change.difference)".visible)\n"
            let inner = indent + "    "
            switch change.cause {
            case nil: break
            case .recipe(let stage, let changes):
                let key = [change.difference.old, change.difference.new]
                    .map { InputReference($0 ?? "").fingerprint }.joined(separator: " ")
                guard told.insert(key).inserted else {
                    return text + "\(inner)for the reason told above for @\(stage)\n"
                }
                text += "\(inner)because the recipe of @\(stage) changed:\n"
                text += lines(changes, indent: inner + "  ", told: &told)
            case .kind(let stage, let old, let new):
                text += "\(inner)because it is @\(stage) of kind \(new), where one of kind \(old) was\n"
            case .part(let stage): text += "\(inner)because it is another part of @\(stage)\n"
            case .unknown(let stage):
                text +=
                    "\(inner)because @\(stage) is another; the earlier artifact isn't in the store any more\n"
            }
            return text
        }.joined()
    }
}

extension Plan {
    /// One line of the table.
    private struct Line {
        /// Stage and status, and where that was asked for time and memory; of a heading the name only.
        let cells: [String]
        let reason: String
    }

    /// A table for people: stage, status, what it would take where that was asked for, reason; then the sums.
    ///
    /// Variants of one stage stand below its name, which says what they have in common.
    package var text: String {
        let lines = groups.flatMap(lines(of:))
        let columns = lines.map(\.cells.count).max() ?? 0
        let widths = (0..<columns).map { column in
            // Stages keep the width of their full names and the status one width, so that plans line up.
            max(
                lines.map { $0.cells.indices.contains(column) ? $0.cells[column].count : 0 }.max() ?? 0,
                column == 1 ? 11 : 0, column == 0 ? entries.map(\.stage.visible.count).max() ?? 0 : 0)
        }
        let text = lines.map { line -> String in
            let cells = line.cells + Array(repeating: "", count: columns - line.cells.count)
            let row = zip(cells, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) + "  " }
            let text = row.joined() + line.reason.visible
            return Self.trimmed(text) + "\n"
        }
        let cached = entries.count { $0.status == .cached }
        return text.joined() + "\n\(cached) of \(entries.count) stages are cached.\n"
            + looks + (imported.map { "\($0)\n" } ?? "") + calibrations + (forecast?.text ?? "")
    }

    private static func trimmed(_ line: String) -> String {
        String(
            decoding: line.utf8.dropLast(line.utf8.reversed().prefix { $0 == UInt8(ascii: " ") }.count),
            as: UTF8.self)
    }

    /// The entries by stage, in running order; a stage without a matrix is alone.
    private var groups: [(name: String, entries: [Entry])] {
        var groups: [(name: String, entries: [Entry])] = []
        for (entry, stage) in zip(entries, experiment.stages) {
            if groups.last?.name == stage.name {
                groups[groups.count - 1].entries.append(entry)
            } else {
                groups.append((stage.name, [entry]))
            }
        }
        return groups
    }

    private func lines(of group: (name: String, entries: [Entry])) -> [Line] {
        guard group.entries.count > 1 else {
            return group.entries.map { Line(cells: cells($0, $0.stage), reason: $0.reason) }
        }
        let causes = Set(group.entries.map(\.cause))
        let shared = causes.count == 1 ? group.entries[0].cause : nil
        let variants = group.entries.map { entry in
            let variant = entry.stage.byteText.dropping(prefix: group.name.byteText)?.text ?? entry.stage
            return Line(cells: cells(entry, "  \(variant)"), reason: shared == nil ? entry.reason : "")
        }
        return [Line(cells: [group.name.visible], reason: shared ?? "")] + variants
    }

    private func cells(_ entry: Entry, _ name: String) -> [String] {
        let cells = [name.visible, entry.status.rawValue]
        guard forecast != nil else { return cells }
        return cells + [
            entry.forecast?.seconds.map(Readable.span) ?? (entry.status == .cached ? "" : "?"),
            entry.forecast.map { $0.memory.map(Readable.size) ?? "?" } ?? "",
        ]
    }

    /// How far repeats go at least and at most; empty where all stages are made.
    private var looks: String {
        guard let until = experiment.until, let first = until.looks.first, let last = until.looks.last else {
            return ""
        }
        let further = until.looks.dropFirst().map { "\($0.repeats)" }.joined(separator: ", ")
        let open = entries.count { first.stages.contains($0.stage) && $0.status != .cached }
        return "These are all of at most \(last.repeats) repeats. The first look is after \(first.repeats) "
            + "(\(first.stages.count) stages, \(open) to make)"
            + (further.isEmpty ? ".\n" : "; while a claim is open, the next ones are after \(further).\n")
    }

    /// Which kinds' times are scaled, by how much, and from what.
    private var calibrations: String {
        var kinds: [(name: String, found: [Calibration])] = []
        for (entry, stage) in zip(entries, experiment.stages) {
            guard let calibration = entry.calibrated?.calibration else { continue }
            if let index = kinds.firstIndex(where: { $0.name == stage.recipe.kind }) {
                kinds[index].found.append(calibration)
            } else {
                kinds.append((stage.recipe.kind, [calibration]))
            }
        }
        guard let example = kinds.first?.found.first?.artifacts.first else { return "" }
        let ratios = kinds.map { kind in
            let ratios = kind.found.map(\.ratio)
            let (low, high) = (Readable.factor(ratios.min() ?? 1), Readable.factor(ratios.max() ?? 1))
            return "\(kind.name) \(low == high ? low : "\(low) to \(high)")"
        }
        let others = Set(kinds.flatMap(\.found).flatMap(\.artifacts)).count - 1
        let source = example + (others == 0 ? "" : " and \(others) more")
        return "Times are scaled by those of earlier runs on this machine (\(source)): "
            + "\(ratios.joined(separator: ", ")) times what was measured now.\n"
    }
}

extension Readable {
    /// A ratio with two decimals.
    static func factor(_ ratio: Double) -> String {
        guard ratio.isFinite, ratio >= 0, ratio < 1e12 else { return "?" }
        let hundredths = Int((ratio * 100).rounded())
        let rest = hundredths % 100
        return "\(hundredths / 100).\(rest < 10 ? "0" : "")\(rest)"
    }
}
