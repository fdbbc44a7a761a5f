package import ArtifactStore
import Files
package import Recipes
package import SystemPackage

/// Finds what a store could do without, and removes it if told to.
///
/// Kept is whatever the record of a run refers to, finished or not, with all that it was made from; what a run that
/// has no record yet may still want; everything whose lock is held; and everything that isn't known.
package struct GarbageCollector: Sendable {
    /// Something that could go.
    package struct Item: Sendable, Hashable {
        /// What it is.
        package enum Kind: String, Sendable, CaseIterable {
            case artifact, damaged, temporary, work, index, lock
        }

        package let kind: Kind
        /// Relative to the store.
        package let path: FilePath
        /// In bytes, with all that it holds.
        package let size: Int
        /// Why it isn't needed, or for an artifact of which stage it is, as a phrase.
        package let reason: String
        /// Of the artifact that it belongs to; what its lock is called by.
        let fingerprint: String
    }

    let store: Store
    let registry: StageRegistry
    let days: Int
    let now: Int
    var waiting = StoreGate.Waiting()

    /// - Parameters:
    ///   - registry: Reads the configurations of runs that have no record yet.
    ///   - days: Only what wasn't changed for so many days; what was changed in the future counts as new.
    package init(_ store: Store, registry: StageRegistry, olderThan days: Int = 0) {
        self.init(store, registry: registry, olderThan: days, now: Timestamp.now().secondsSince1970)
    }

    init(_ store: Store, registry: StageRegistry, olderThan days: Int, now: Int) {
        self.store = store
        self.registry = registry
        self.days = days
        self.now = now
    }

    /// The same, which says whom or what it waits for, and stops waiting when it is told to.
    ///
    /// ``remove(_:)`` throws `Interrupted` then.
    package func waiting(
        _ cancellation: Cancellation, tell: @escaping @Sendable (String) -> Void
    ) -> GarbageCollector {
        var collector = self
        collector.waiting = StoreGate.Waiting(cancellation: cancellation, tell: tell)
        return collector
    }

    /// Looks, without changing anything.
    ///
    /// - Throws: `FileError`.
    package func look() throws -> GarbageReport {
        guard try FileSystem.status(store.root) != nil else { return GarbageReport(store: store.root) }
        try store.settleLeases()
        let inventory = try StoreInventory(store)
        let wanted = WantedArtifacts(inventory, store, registry)
        var report = GarbageReport(store: store.root)
        report.foreign = inventory.foreign
        report.note = wanted.problem
        report.keptArtifacts = inventory.artifacts.count
        if wanted.problem == nil {
            let kept = Set(
                inventory.artifacts.filter { wanted.artifacts.contains($0.fingerprint) }.map(\.place))
            for artifact in inventory.artifacts where !wanted.artifacts.contains(artifact.fingerprint) {
                let reason =
                    artifact.isIncomplete
                    ? "\(artifact.stage), imported without weights"
                    : kept.contains(artifact.place)
                        ? "another recipe of \(artifact.stage)" : artifact.stage
                report.items += try item(.artifact, artifact.path, reason, artifact.fingerprint)
            }
            report.keptArtifacts -= report.items.count
        }
        report.items += try hidden(wanted, inventory, report)
        report.items.sort { ($0.kind.place, $0.path.string) < ($1.kind.place, $1.path.string) }
        return report
    }

    /// One item, or none if it is too new or in use.
    func item(_ kind: Item.Kind, _ path: FilePath, _ reason: String, _ fingerprint: String) throws -> [Item] {
        let full = store.root.pushing(path)
        guard let changed = try FileSystem.modificationTime(full), now - changed >= days * 86_400,
            try !isLocked(fingerprint)
        else { return [] }
        return [
            Item(
                kind: kind, path: path, size: try FileSystem.totalSize(full), reason: reason,
                fingerprint: fingerprint)
        ]
    }

    /// Whether somebody holds the lock of an artifact, found out without making its file.
    private func isLocked(_ fingerprint: String) throws -> Bool {
        guard store.locks == .lease || FileSystem.exists(store.lockFile(fingerprint)) else { return false }
        return try !ArtifactLock.isFree(store, fingerprint)
    }
}

extension GarbageCollector.Item.Kind {
    /// Their order in lists.
    var place: Int { Self.allCases.firstIndex(of: self) ?? 0 }

    var title: String {
        switch self {
        case .artifact: "Artifacts that no run refers to"
        case .damaged: "Set aside because they were damaged"
        case .temporary: "Half-written by processes that ended"
        case .work: "Journals and checkpoints that nothing will go on from"
        case .index: "Entries of the index that lead nowhere"
        case .lock: "Files of free locks"
        }
    }
}

/// What a store could do without.
package struct GarbageReport: Sendable {
    let store: FilePath
    public internal(set) var items: [GarbageCollector.Item] = []
    /// What isn't of this program and is left alone: paths relative to the store, each with what is odd.
    public internal(set) var foreign: [(path: FilePath, reason: String)] = []
    /// Why artifacts weren't looked at, as a sentence; nil where they were.
    public internal(set) var note: String?
    public internal(set) var keptArtifacts = 0
    /// What was removed; nil where nothing was to be.
    public internal(set) var removed: [GarbageCollector.Item]?

    init(store: FilePath) { self.store = store }

    /// Of all items, in bytes.
    package var size: Int { items.reduce(0) { $0 + $1.size } }
}
