import Archives
package import ArtifactStore
internal import Base
import Files
import JSON
import Runs
package import SystemPackage

/// Takes a run over that somebody else exported.
///
/// A bundle is untrusted: it is unpacked in a temporary folder of the store, everything in it is checked, and only
/// then its artifacts are moved to their places. One thing that doesn't hold, and nothing of it is taken.
package struct Importer: Sendable {
    let store: Store
    let cancellation: Cancellation

    package init(into store: Store, cancellation: Cancellation = .never) {
        self.store = store
        self.cancellation = cancellation
    }

    /// Imports one bundle.
    ///
    /// - Throws: `ArchiveError` for a file that isn't unpacked, `ImportError` for what doesn't hold, `FileError`,
    ///   `Interrupted`. The store is as it was then.
    package func run(_ file: FilePath) throws -> ImportSummary {
        guard let lock = try ArtifactLock.attempt(store, Store.importName) else {
            throw ImportError(
                "\(ArtifactLock.holder(store, Store.importName)) is importing into \(store.root); wait for it"
            )
        }
        defer { lock.release() }
        let temporary = try store.makeTemporaryFolder(for: Store.importName)
        defer { try? store.remove(temporary) }
        let origin = ArtifactRecord.Origin(
            bundle: file.lastComponent?.string ?? "bundle", sha256: try SHA256.hex(ofFile: file),
            imported: Timestamp.now().text)
        let unpacked = temporary.appending("bundle")
        try Unpacker().unpack(file, into: unpacked)
        do {
            let names = try FileSystem.list(unpacked)
            guard names.count == 1 else {
                throw ImportError("it holds \(names.count) folders instead of one")
            }
            let checked = try CheckedBundle(unpacked.appending(names[0]), cancellation: cancellation)
            if cancellation.isCancelled { throw Interrupted() }
            return try ImportPlacement(checked, store, origin, cancellation).place(aside: temporary)
        } catch var error as ImportError {
            error.file = file
            throw error
        }
    }
}

/// What was imported.
package struct ImportSummary: Sendable {
    /// What became of one artifact of the bundle.
    package struct Entry: Sendable, Hashable {
        package enum Outcome: String, Sendable {
            /// It is new in the store.
            case imported
            /// The same was there.
            case kept
            /// The same was there without its weights, which the bundle had.
            case completed
        }

        /// Relative to the store.
        package let folder: String
        package let outcome: Outcome
        /// Files that it lacks now.
        package let missing: [String]
    }

    /// The run's address in the store.
    package let run: String
    /// Whether the run is new in the store.
    package let isNewRun: Bool
    package let artifacts: [Entry]
}

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

/// An unpacked bundle of which everything holds that can be checked without the program's stages.
struct CheckedBundle {
    /// The part that looks like a store.
    let store: Store
    /// The run's address: `<experiment>/runs/<time>-<n>`.
    let run: String
    let record: RunRecord
    let items: [ArtifactCollection.Item]

    /// - Throws: `ImportError` naming the first thing that doesn't hold; `FileError`, `Interrupted`.
    init(_ folder: FilePath, cancellation: Cancellation) throws {
        let bundle = try Bundle(in: folder)
        try bundle.check(in: folder)
        store = Store(folder.appending(Bundle.store))
        run = bundle.run
        guard let place = FilePath(foreign: run), place.isRelative,
            place.components.allSatisfy({ $0.kind == .regular })
        else {
            throw ImportError("the place of its run, \(run), isn't inside a store")
        }
        let runFolder = store.root.pushing(place)
        do {
            record = try RunRecord.read(runFolder)
        } catch let error as RunRecordError {
            throw ImportError("the record of its run can't be read: \(error.description.unended)")
        }
        let name = FilePath(run).lastComponent?.string ?? ""
        guard run == "\(record.experiment)/runs/\(name)", Store.isRunName(name),
            Store.isExperimentName(record.experiment)
        else {
            throw ImportError("its run of \(record.experiment) is in \(run), where no run of that would be")
        }
        let collection = try ArtifactCollection(record, in: store, cancellation: cancellation)
        items = collection.items
        for item in items {
            let problems = item.finding.problems + collection.inputProblems(of: item)
            if let first = problems.first {
                throw ImportError("the artifact of \(item.name): \(first.unended)")
            }
        }
        try checkPlaces(folder)
    }

    /// Every file belongs to the run or to one of its artifacts, and those are where artifacts are.
    private func checkPlaces(_ folder: FilePath) throws {
        var known: Set<ByteText> = [Bundle.indexName.byteText, Bundle.crateName.byteText]
        for name in [RunRecord.fileName, RunRecord.experimentFileName, RunRecord.logFileName] {
            known.insert("\(Bundle.store)/\(run)/\(name)".byteText)
        }
        for item in items {
            let place = relative(item)
            guard let name = place.lastComponent?.string,
                name.byteText.hasSuffix("-\(item.fingerprint.prefix(12))"),
                Store.isExperimentName(place.removingLastComponent().string)
            else {
                throw ImportError("the artifact of \(item.name) is in \(place), where no artifact would be")
            }
            for file in try ArtifactInspector.files(below: item.folder) {
                known.insert("\(Bundle.store)/\(place)/\(file)".byteText)
            }
        }
        if let stranger = try ArtifactInspector.files(below: folder).first(where: {
            !known.contains($0.byteText)
        }) {
            throw ImportError("its file \(stranger) belongs neither to the run nor to an artifact of it")
        }
    }

    /// The place of an artifact relative to the store.
    func relative(_ item: ArtifactCollection.Item) -> FilePath {
        var place = item.folder
        _ = place.removePrefix(store.root)
        return place
    }
}

extension Store {
    /// Whether an experiment can be called so: relative, without hidden or reserved folders.
    static func isExperimentName(_ name: String) -> Bool {
        let parts = name.byteText.split("/", keepingEmpty: true)
        return parts.allSatisfy { !$0.isEmpty && !$0.hasPrefix(".") && !reservedFolders.contains($0.text) }
    }

    /// Whether a run's folder can be called so: `20261121T083104Z-1`.
    static func isRunName(_ name: String) -> Bool {
        let parts = name.byteText.split("-", keepingEmpty: true)
        return parts.count == 2 && parts[0].count == 16 && Int(parts[1].text) != nil
            && parts[0].bytes.allSatisfy { "0123456789TZ".utf8.contains($0) }
    }
}

extension String {
    /// A sentence without its full stop, to be a part of another.
    var unended: String { byteText.dropping(suffix: ".")?.text ?? self }
}
