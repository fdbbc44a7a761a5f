package import ArtifactStore
internal import Base
import Files
package import JSON
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
    package internal(set) var items: [GarbageCollector.Item] = []
    /// What isn't of this program and is left alone: paths relative to the store, each with what is odd.
    package internal(set) var foreign: [(path: FilePath, reason: String)] = []
    /// Why artifacts weren't looked at, as a sentence; nil where they were.
    package internal(set) var note: String?
    package internal(set) var keptArtifacts = 0
    /// What was removed; nil where nothing was to be.
    package internal(set) var removed: [GarbageCollector.Item]?

    init(store: FilePath) { self.store = store }

    /// Of all items, in bytes.
    package var size: Int { items.reduce(0) { $0 + $1.size } }
}

extension GarbageCollector {
    /// What can go of the folders that the store keeps for itself.
    func hidden(_ wanted: WantedArtifacts, _ inventory: StoreInventory, _ report: GarbageReport) throws
        -> [Item]
    {
        var items: [Item] = []
        for name in try inventory.names(in: ".damaged") where Self.isKnown(name, in: ".damaged") {
            items += try item(
                .damaged, FilePath(".damaged").appending(name), "it stood in the place of an artifact", "")
        }
        for name in try inventory.names(in: ".tmp") {
            guard let owner = StoreName.owner(ofTemporary: name) else { continue }
            items += try item(.temporary, FilePath(".tmp").appending(name), "its maker is gone", owner)
        }
        var keptWork: Set<String> = []
        for name in try inventory.names(in: ".work") where Recipe.isFingerprint(name) {
            if wanted.unfinished.contains(name) || wanted.problem != nil {
                keptWork.insert(name)
                continue
            }
            let reason =
                inventory.artifacts.contains { $0.fingerprint == name }
                ? "its artifact is made" : "the newest run of no experiment wants it"
            items += try item(.work, FilePath(".work").appending(name), reason, name)
        }
        let going = Set(items.filter { $0.kind == .work }.map(\.fingerprint))
        for name in try inventory.names(in: ".work") where !going.contains(name) { keptWork.insert(name) }
        let removed = Set(report.items.filter { $0.kind == .artifact }.map(\.path))
        for name in try inventory.names(in: ".index") where Recipe.isFingerprint(name) {
            let isThere = inventory.artifacts.contains {
                $0.fingerprint == name && store.notedLocation(of: name) == store.root.pushing($0.path)
                    && !removed.contains($0.path)
            }
            if !isThere {
                items += try item(
                    .index, FilePath(".index").appending(name), "the artifact isn't there", name)
            }
        }
        for name in try inventory.names(in: ".facts") where Recipe.isFingerprint(name) {
            let isThere = inventory.artifacts.contains {
                $0.fingerprint == name && !removed.contains($0.path)
            }
            if !isThere {
                items += try item(
                    .index, FilePath(".facts").appending(name), "the artifact isn't there", name)
            }
        }
        for name in try inventory.names(in: ".locks") {
            guard let owner = StoreName.owner(ofLock: name), !keptWork.contains(owner) else { continue }
            items += try item(.lock, FilePath(".locks").appending(name), "nobody holds it", owner)
        }
        return items
    }

    /// Whether this program gives such a name.
    static func isKnown(_ name: String, in folder: String) -> Bool {
        switch HiddenFolder(rawValue: folder) {
        case .temporary?: StoreName.owner(ofTemporary: name) != nil
        case .locks?:
            name == StoreLocks.markerName || StoreGate.isGate(name) || StoreName.owner(ofLock: name) != nil
        case .work?, .index?, .facts?: Recipe.isFingerprint(name)
        case .damaged?: StoreName.isDamaged(name)
        case nil: false
        }
    }
}

extension GarbageReport {
    /// How many paths of one kind are named; there can be thousands of locks.
    private static let most = 20

    /// What could go or has gone, for people.
    package var text: String {
        var text = ""
        // Names of locks and of the index say nothing to people.
        let silent: Set<GarbageCollector.Item.Kind> = [.index, .lock]
        let width = min(70, items.filter { !silent.contains($0.kind) }.map(\.path.string.count).max() ?? 0)
        for kind in GarbageCollector.Item.Kind.allCases {
            let own = items.filter { $0.kind == kind }
            guard !own.isEmpty else { continue }
            text +=
                "\(kind.title): \(Readable.count(own.count)), \(Readable.size(own.reduce(0) { $0 + $1.size }))\n"
            guard !silent.contains(kind) else { continue }
            for item in own.prefix(Self.most) {
                let padding = String(repeating: " ", count: max(0, width - item.path.string.count))
                text += "  \(item.path)\(padding)  \(Readable.size(item.size)), \(item.reason)\n"
            }
            if own.count > Self.most { text += "  and \(own.count - Self.most) more\n" }
        }
        if !foreign.isEmpty {
            text += "Not known, left alone: \(Readable.count(foreign.count))\n"
            for (path, reason) in foreign.prefix(Self.most) { text += "  \(path.shown): \(reason)\n" }
            if foreign.count > Self.most { text += "  and \(foreign.count - Self.most) more\n" }
        }
        if let note { text += "\(note)\n" }
        return text + (text.isEmpty ? "" : "\n") + summary + "\n"
    }

    private var summary: String {
        let kept = keptArtifacts == 1 ? "1 artifact stays" : "\(Readable.count(keptArtifacts)) artifacts stay"
        guard !items.isEmpty else { return "Nothing to remove; \(kept)." }
        let things = items.count == 1 ? "1 thing" : "\(Readable.count(items.count)) things"
        guard let removed else {
            return
                "\(things) of \(Readable.size(size)) can go; \(kept). Nothing was removed: --yes removes what is listed."
        }
        let freed = Readable.size(removed.reduce(0) { $0 + $1.size })
        guard removed.count == items.count else {
            return
                "Removed \(removed.count) of \(things), \(freed); the others were taken up meanwhile. \(kept)."
        }
        return "Removed \(things), \(freed); \(kept)."
    }

    /// The same as JSON.
    package var value: JSONValue {
        let gone = Set(removed ?? [])
        return [
            "removing": .bool(removed != nil), "sizeBytes": .integer(size),
            "keptArtifacts": .integer(keptArtifacts),
            "note": .text(note),
            "items": .array(
                items.map {
                    [
                        "kind": .string($0.kind.rawValue), "path": .string($0.path.string),
                        "sizeBytes": .integer($0.size), "reason": .string($0.reason),
                        "removed": .bool(gone.contains($0)),
                    ]
                }),
            "foreign": .array(
                foreign.map { ["path": .string($0.path.string), "reason": .string($0.reason)] }),
        ]
    }
}

extension FilePath {
    /// The path without what a terminal would act on: names in a store can be anybody's.
    fileprivate var shown: String {
        String(string.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7F ? "?" : Character($0) })
    }
}

extension GarbageCollector {
    /// Removes what a look has found, each thing under its lock, if it still isn't wanted.
    ///
    /// Killed in between, the store is whole: folders are renamed to a temporary name first.
    /// - Returns: The report with what was removed; what was taken up meanwhile isn't.
    /// - Throws: `FileError`.
    package func remove(_ report: GarbageReport) throws -> GarbageReport {
        var report = report
        var removed: [Item] = []
        var runs = try runCount()
        var wanted: WantedArtifacts?
        for item in report.items {
            guard item.kind == .artifact else {
                if try remove(item) { removed.append(item) }
                continue
            }
            let aside: FilePath?
            do {
                let gate = try StoreGate(store, alone: true, waiting)
                defer { withExtendedLifetime(gate) {} }
                // A run that began meanwhile may use what none used before.
                let now = try runCount()
                if now != runs || wanted == nil {
                    runs = now
                    wanted = WantedArtifacts(try StoreInventory(store), store, registry)
                }
                guard let wanted, wanted.problem == nil, !wanted.artifacts.contains(item.fingerprint) else {
                    continue
                }
                aside = try putAside(item)
            }
            guard let aside else { continue }
            try store.remove(aside)
            removed.append(item)
        }
        report.removed = removed
        return report
    }

    /// Renames an artifact: readers see a whole one or none, also if this process ends before it is removed.
    ///
    /// - Returns: Where it is now; nil if somebody holds its lock.
    private func putAside(_ item: Item) throws -> FilePath? {
        guard let lock = try ArtifactLock.attempt(store, item.fingerprint) else { return nil }
        defer { lock.release() }
        let path = store.root.pushing(item.path)
        let aside = try store.makeTemporaryFolder(for: item.fingerprint)
        try store.rename(path, to: aside.appending("gone"))
        try FileSystem.synchronize(path.removingLastComponent())
        return aside
    }

    /// False if somebody holds its lock.
    private func remove(_ item: Item) throws -> Bool {
        let path = store.root.pushing(item.path)
        guard item.fingerprint.isEmpty == false else {
            try store.remove(path)
            return true
        }
        guard let lock = try ArtifactLock.attempt(store, item.fingerprint) else { return false }
        defer { lock.release() }
        switch item.kind {
        case .index where item.path.starts(with: HiddenFolder.facts.place): try store.remove(path)
        case .index:
            if let noted = store.notedLocation(of: item.fingerprint),
                FileSystem.exists(noted.appending(ArtifactRecord.fileName))
            {
                return false
            }
            try store.remove(path)
        case .lock where store.locks == .lease:
            // Giving the lease back removes its files; what was left beside them is reached by nobody.
            lock.release()
            if path.extension != "lease" { try store.remove(path) }
            return true
        case .artifact, .lock, .damaged, .temporary, .work: try store.remove(path)
        }
        // The file that this attempt has made or found; what is left of the artifact needs no lock.
        if item.kind != .work || !FileSystem.exists(store.workFolder(item.fingerprint)) {
            try lock.removeFile(store, item.fingerprint)
        }
        return true
    }

    /// How many runs there are in all: another number says that one began or was removed.
    private func runCount() throws -> Int {
        try store.experimentsWithRuns().reduce(0) { sum, name in
            let folder = store.runsFolder(name)
            return sum + (try FileSystem.list(folder)).count
        }
    }
}
