import ArtifactStore
import Files
import SystemPackage

/// Moves the parts of a checked bundle to their places in a store, all or none.
struct ImportPlacement {
    private let bundle: CheckedBundle
    private let store: Store
    private let origin: ArtifactRecord.Origin
    private let cancellation: Cancellation

    init(
        _ bundle: CheckedBundle, _ store: Store, _ origin: ArtifactRecord.Origin, _ cancellation: Cancellation
    ) {
        self.bundle = bundle
        self.store = store
        self.origin = origin
        self.cancellation = cancellation
    }

    private struct Move {
        let from: FilePath
        let to: FilePath
        /// Where what stood there was put.
        var replaced: FilePath?
    }

    /// - Parameter folder: A temporary folder on the store's disk; what is replaced goes there.
    func place(aside folder: FilePath) throws -> ImportSummary {
        var moves: [Move] = []
        // Nothing refers to the artifacts before the run is in its place.
        let gate = try StoreGate(store, .init(cancellation: cancellation))
        defer { withExtendedLifetime(gate) {} }
        do {
            var entries: [ImportSummary.Entry] = []
            for (index, item) in bundle.items.enumerated() {
                guard let lock = try ArtifactLock.attempt(store, item.fingerprint) else {
                    throw ImportError(
                        "\(ArtifactLock.holder(store, item.fingerprint)) is making the artifact of \(item.name) right now; wait for it"
                    )
                }
                defer { lock.release() }
                entries.append(try place(item, aside: folder.appending("old-\(index)"), &moves))
            }
            let isNewRun = try placeRun(&moves)
            for parent in Set(moves.map { $0.to.removingLastComponent() }) {
                try store.opened()?.folder(store.place(of: parent))?.synchronize()
            }
            for item in bundle.items {
                store.noteLocation(of: item.fingerprint, store.root.pushing(bundle.relative(item)))
            }
            return ImportSummary(run: bundle.run, isNewRun: isNewRun, artifacts: entries)
        } catch {
            for move in moves.reversed() {
                // Whoever has seen an artifact meanwhile has read a whole one; what can't be undone is whole too.
                try? store.rename(move.to, to: move.from)
                if let old = move.replaced { try? store.rename(old, to: move.to) }
            }
            throw error
        }
    }

    private func place(_ item: ArtifactCollection.Item, aside: FilePath, _ moves: inout [Move]) throws
        -> ImportSummary.Entry
    {
        let relative = bundle.relative(item)
        let target = store.root.pushing(relative)
        let missing = item.finding.leftOut.map(\.path)
        func entry(_ outcome: ImportSummary.Entry.Outcome, _ missing: [String]) -> ImportSummary.Entry {
            .init(folder: relative.string, outcome: outcome, missing: missing)
        }
        try checkParents(of: relative)
        try checkOthers(item)
        guard try FileSystem.status(target, followingLinks: false) != nil else {
            try markOrigin(of: item)
            try store.makeFolder(target.removingLastComponent())
            try store.rename(item.folder, to: target)
            moves.append(Move(from: item.folder, to: target))
            return entry(.imported, missing)
        }
        let existing = try ArtifactInspector(folder: target, fingerprint: item.fingerprint).inspect()
        if let problem = existing.problems.first {
            throw ImportError(
                "the store has something else in the place of \(item.name), \(target): \(problem.unended)")
        }
        guard existing.record?.content == item.finding.record?.content else {
            throw ImportError(
                "the store has another artifact of the recipe of \(item.name) in \(target), with other files or metrics"
            )
        }
        guard !existing.leftOut.isEmpty, missing.isEmpty else {
            return entry(.kept, existing.leftOut.map(\.path))
        }
        try markOrigin(of: item)
        try store.rename(target, to: aside)
        moves.append(Move(from: item.folder, to: target, replaced: aside))
        try store.rename(item.folder, to: target)
        return entry(.completed, [])
    }

    /// Writes in the artifact's record, before it is in its place, that it was imported.
    private func markOrigin(of item: ArtifactCollection.Item) throws {
        let file = item.folder.appending(ArtifactRecord.fileName)
        let bytes = try ArtifactRecord.Origin.replaced(in: try FileSystem.read(file), by: origin)
        try FileSystem.writeAtomically(bytes, to: file)
    }

    /// The same recipe made elsewhere in the store must have given the same: artifacts find one another by it.
    private func checkOthers(_ item: ArtifactCollection.Item) throws {
        guard let noted = store.notedLocation(of: item.fingerprint),
            let other = try? ArtifactInspector(folder: noted, fingerprint: item.fingerprint).inspect().record
        else { return }
        guard other.fingerprint != item.fingerprint || other.content == item.finding.record?.content else {
            throw ImportError(
                "the store has another artifact of the recipe of \(item.name) in \(noted), with other files or metrics"
            )
        }
    }

    /// Links inside a store could lead anything out of it.
    private func checkParents(of relative: FilePath) throws {
        var path = store.root
        for component in relative.removingLastComponent().components {
            path.append(component)
            switch try FileSystem.status(path, followingLinks: false)?.kind {
            case nil: return
            case .folder?: continue
            default: throw ImportError("\(path) in the store is no folder")
            }
        }
    }

    private func placeRun(_ moves: inout [Move]) throws -> Bool {
        let from = bundle.store.root.pushing(FilePath(bundle.run))
        let target = store.root.pushing(FilePath(bundle.run))
        try checkParents(of: FilePath(bundle.run))
        guard try FileSystem.status(target, followingLinks: false) != nil else {
            try store.makeFolder(target.removingLastComponent())
            try store.rename(from, to: target)
            moves.append(Move(from: from, to: target))
            return true
        }
        for name in try FileSystem.list(from) where name != RunRecord.logFileName {
            // A run's own store has its record as it was before folders were taken out.
            let path = target.appending(name)
            guard try FileSystem.status(path, followingLinks: false)?.kind == .file,
                try isSame(from.appending(name), path)
            else { throw ImportError("the store has another run in \(target): its \(name) is another") }
        }
        return false
    }

    private func isSame(_ a: FilePath, _ b: FilePath) throws -> Bool {
        let first = try FileSystem.read(a, limit: FileLimit.data)
        let second = try FileSystem.read(b, limit: FileLimit.data)
        if first == second { return true }
        guard a.lastComponent?.string == RunRecord.fileName,
            let one = try? RunRecord.read(a.removingLastComponent()),
            let two = try? RunRecord.read(b.removingLastComponent())
        else { return false }
        return one.started == two.started && one.stages.map(\.fingerprint) == two.stages.map(\.fingerprint)
            && one.stages.map(\.status) == two.stages.map(\.status)
    }
}
