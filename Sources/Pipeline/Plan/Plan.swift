import Files
public import SystemPackage

/// What a run would do, and why.
public struct Plan: Sendable {
    /// What would happen to one stage.
    public struct Entry: Sendable {
        public enum Status: String, Sendable { case cached, resume = "will resume", run = "will run" }

        /// The stage's full name.
        public let stage: String
        public let status: Status
        /// Why, as a phrase.
        public let reason: String
        /// How the recipe differs from the nearest one in the store; empty where there is none.
        public let changes: [RecipeChange]
        /// The artifact that it was compared with.
        public let nearest: Nearest?
        /// Where the artifact is, or will be.
        public let folder: FilePath
        /// What the stage's kind expects it to take; nil where it doesn't know.
        public let forecast: StageForecast?
    }

    /// An artifact that a stage was compared with.
    public struct Nearest: Sendable {
        public let folder: FilePath
        /// Whether it is the same stage of the same experiment, made from an earlier recipe.
        public let isSameStage: Bool
        /// In seconds, of the process that finished it.
        public let duration: Double
        /// The largest resident size meanwhile, in bytes.
        public let peakMemory: Int
        /// The size of its files, in bytes.
        public let size: Int
    }

    /// One entry per stage, in running order.
    public let entries: [Entry]
    let experiment: Experiment

    /// Looks at the store without changing it.
    ///
    /// - Throws: `StoreError`, `FileError`.
    public init(_ experiment: Experiment, store: Store) throws {
        let catalog = StoreCatalog(store)
        let tracer = ChangeTracer(experiment, catalog)
        self.experiment = experiment
        entries = try experiment.stages.map { try Self.entry(for: $0, experiment, store, catalog, tracer) }
    }

    private static func entry(
        for stage: Stage, _ experiment: Experiment, _ store: Store, _ catalog: StoreCatalog,
        _ tracer: ChangeTracer
    ) throws -> Entry {
        let folder = store.folder(of: stage, in: experiment)
        let finding = try store.find(stage, in: experiment)
        if case .whole(let artifact) = finding {
            return Entry(
                stage: stage.id, status: .cached, reason: artifact.folder.string, changes: [], nearest: nil,
                folder: artifact.folder, forecast: nil)
        }
        let work = store.workFolder(stage.fingerprint)
        let leftovers = (try? FileSystem.list(work)) ?? []
        var reasons = leftovers.isEmpty ? [] : [resumption(work, leftovers)]
        var changes: [RecipeChange] = []
        var nearest: StoreCatalog.Nearest?
        if case .damaged(let flaw) = finding {
            reasons.append("\(folder) is no whole artifact: \(flaw)")
        } else if let found = catalog.nearest(to: stage, in: experiment) {
            nearest = found
            changes = tracer.changes(found.differences)
            reasons.append(phrase(changes, found, store))
        } else {
            reasons.append("no artifact")
        }
        return Entry(
            stage: stage.id, status: leftovers.isEmpty ? .run : .resume,
            reason: reasons.joined(separator: "; "), changes: changes, nearest: nearest.map(Nearest.init),
            folder: folder, forecast: stage.implementation.forecast())
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

    private static func resumption(_ work: FilePath, _ files: [String]) -> String {
        let counts = files.filter { $0.hasSuffix(".jsonl") }.map { name -> Int in
            let path = work.appending(name)
            guard let bytes = try? FileSystem.read(path),
                let text = try? JournalText(parsing: bytes, path: path, fingerprint: nil)
            else { return 0 }
            return text.records.count
        }
        let records = counts.reduce(0, +)
        return records > 0
            ? "\(Readable.count(records)) records are there" : "work of an earlier run is there"
    }

    /// A table for people: stage, status, reason.
    public var text: String {
        let width = entries.map(\.stage.count).max() ?? 0
        let lines = entries.map { entry in
            let stage = entry.stage + String(repeating: " ", count: width - entry.stage.count)
            let status = entry.status.rawValue
            return "\(stage)  \(status)\(String(repeating: " ", count: 11 - status.count))  \(entry.reason)"
        }
        let cached = entries.count { $0.status == .cached }
        return lines.joined(separator: "\n") + "\n\n\(cached) of \(entries.count) stages are cached.\n"
    }
}

extension Plan.Nearest {
    init(_ nearest: StoreCatalog.Nearest) {
        let record = nearest.artifact.record
        folder = nearest.artifact.folder
        isSameStage = nearest.isSameStage
        duration = record.seconds
        peakMemory = record.peakMemory
        size = record.files.reduce(0) { $0 + $1.size }
    }
}
