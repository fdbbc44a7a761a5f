import Files
import SystemPackage

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
        public let differences: [RecipeDifference]
    }

    /// One entry per stage, in running order.
    public let entries: [Entry]

    /// Looks at the store without changing it.
    ///
    /// - Throws: `StoreError`, `FileError`.
    public init(_ experiment: Experiment, store: Store) throws {
        var entries: [Entry] = []
        for stage in experiment.stages { entries.append(try Self.entry(for: stage, experiment, store)) }
        self.entries = entries
    }

    private static func entry(for stage: Stage, _ experiment: Experiment, _ store: Store) throws -> Entry {
        let folder = store.folder(of: stage, in: experiment)
        let finding = try store.find(stage, in: experiment)
        if case .whole(let artifact) = finding {
            return Entry(stage: stage.id, status: .cached, reason: artifact.folder.string, differences: [])
        }
        let work = store.workFolder(stage.fingerprint)
        let leftovers = (try? FileSystem.list(work)) ?? []
        let status = leftovers.isEmpty ? Entry.Status.run : .resume
        var reasons: [String] = []
        if status == .resume { reasons.append(resumption(work, leftovers)) }
        if case .damaged(let flaw) = finding {
            reasons.append("\(folder) is no whole artifact: \(flaw)")
            return Entry(
                stage: stage.id, status: status, reason: reasons.joined(separator: "; "), differences: [])
        }
        guard let (nearest, differences) = nearest(to: stage, experiment, store) else {
            reasons.append("no artifact")
            return Entry(
                stage: stage.id, status: status, reason: reasons.joined(separator: "; "), differences: [])
        }
        let changes = differences.map(\.description).joined(separator: ", ")
        reasons.append("\(changes) (against \(nearest.folder.lastComponent?.string ?? ""))")
        return Entry(
            stage: stage.id, status: status, reason: reasons.joined(separator: "; "), differences: differences
        )
    }

    /// The artifact of the same stage whose recipe differs in the fewest fields; the newest of several.
    private static func nearest(
        to stage: Stage, _ experiment: Experiment, _ store: Store
    ) -> (Artifact, [RecipeDifference])? {
        store.records(of: stage, in: experiment)
            .map { ($0, RecipeDifference.between($0.record.recipe, stage.recipe.value)) }
            .min { a, b in
                a.1.count != b.1.count ? a.1.count < b.1.count : a.0.record.finished > b.0.record.finished
            }
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
