package import ArtifactStore
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
                stage: stage.id, status: .cached, reason: "\(artifact.folder)\(note)", changes: [],
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
            reason: reasons.joined(separator: "; "), changes: changes, nearest: nearest.map(Nearest.init),
            folder: folder)
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
