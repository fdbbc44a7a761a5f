import ArtifactStore
import Files
import SystemPackage

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
