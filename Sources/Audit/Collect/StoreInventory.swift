import ArtifactStore
internal import Base
import Files
import Recipes
import SystemPackage

/// Everything that lies in a store, without following a single link.
package struct StoreInventory {
    struct StoredArtifact {
        let path: FilePath
        let stage: String
        let fingerprint: String
        let record: ArtifactRecord
        let isIncomplete: Bool
        /// What artifacts of other recipes of the same stage have in common.
        var place: [String] { [path.removingLastComponent().string, stage] }
    }

    private(set) var artifacts: [StoredArtifact] = []
    /// Folders of runs relative to the store.
    private(set) var runs: [FilePath] = []
    private(set) var foreign: [(path: FilePath, reason: String)] = []
    private let store: Store

    static let hiddenFolders = HiddenFolder.allCases.map(\.rawValue)

    /// - Throws: `FileError`.
    init(_ store: Store) throws {
        self.store = store
        for name in try FileSystem.list(store.root) {
            if name == Store.markerName, try kind(FilePath(name)) == .file { continue }
            if Self.hiddenFolders.contains(name) {
                if try kind(FilePath(name)) != .folder { foreign.append((FilePath(name), "no folder")) }
                for child in try names(in: name) where !GarbageCollector.isKnown(child, in: name) {
                    foreign.append((FilePath(name).appending(child), "no name that this program gives"))
                }
                continue
            }
            _ = try visit(FilePath(name))
        }
    }

    /// Names in one of the hidden folders; none where it isn't one.
    func names(in folder: String) throws -> [String] {
        try kind(FilePath(folder)) == .folder ? try FileSystem.list(store.root.appending(folder)) : []
    }

    func kind(_ path: FilePath) throws -> FileSystem.Kind? {
        try FileSystem.status(store.root.pushing(path), followingLinks: false)?.kind
    }

    /// Whether anything known is at a path; what isn't is foreign.
    private mutating func visit(_ path: FilePath) throws -> Bool {
        switch try kind(path) {
        case nil: return false
        case .link?: return found(path, "a link, which isn't followed")
        case .folder?: break
        default: return found(path, "a file")
        }
        guard path.components.allSatisfy({ !$0.string.byteText.hasPrefix(".") }) else {
            return found(path, "a hidden folder")
        }
        if try kind(path.appending(ArtifactRecord.fileName)) != nil { return try visitArtifact(path) }
        let earlier = foreign
        var isKnown = false
        for name in try FileSystem.list(store.root.pushing(path)) {
            let child = path.appending(name)
            if Store.reservedFolders.contains(name), try kind(child) == .folder {
                if name == "runs" { try visitRuns(child) }
                isKnown = true
            } else if try visit(child) {
                isKnown = true
            }
        }
        if isKnown { return true }
        // One entry for a folder that holds nothing known, however much there is in it.
        foreign = earlier
        return found(path, "a folder that holds nothing of a run")
    }

    private mutating func found(_ path: FilePath, _ reason: String) -> Bool {
        foreign.append((path, reason))
        return false
    }

    private mutating func visitArtifact(_ path: FilePath) throws -> Bool {
        let folder = store.root.pushing(path)
        guard let bytes = try? FileSystem.read(folder.appending(ArtifactRecord.fileName)),
            let record = try? ArtifactRecord(parsing: bytes),
            path.lastComponent?.string.byteText.hasSuffix("-\(record.fingerprint.prefix(12))") == true,
            Recipe.isFingerprint(record.fingerprint)
        else {
            return found(path, "its artifact.json can't be read, or is of another artifact")
        }
        artifacts.append(
            StoredArtifact(
                path: path, stage: record.stage, fingerprint: record.fingerprint, record: record,
                isIncomplete: IncompleteMarker(of: record, in: folder) != nil))
        return true
    }

    private mutating func visitRuns(_ path: FilePath) throws {
        let names = [RunRecord.fileName, RunRecord.experimentFileName, RunRecord.logFileName]
        for name in try FileSystem.list(store.root.pushing(path)) {
            let run = path.appending(name)
            if try kind(run) == .folder, try names.contains(where: { try kind(run.appending($0)) == .file }) {
                runs.append(run)
            } else {
                foreign.append((run, "no folder of a run"))
            }
        }
    }
}

/// The artifacts that runs refer to.
struct WantedArtifacts {
    /// Fingerprints of what is referred to and of what that was made from.
    private(set) var artifacts: Set<String> = []
    /// Fingerprints of what isn't made yet, of which a journal or a checkpoint may be gone on from.
    private(set) var unfinished: Set<String> = []
    /// Why it can't be told what is wanted; then everything is.
    private(set) var problem: String?

    init(_ inventory: StoreInventory, _ store: Store, _ registry: StageRegistry) {
        let newest = Self.newestRecords(inventory, store)
        for run in inventory.runs {
            let folder = store.root.pushing(run)
            let experiment = run.removingLastComponent().removingLastComponent().string
            let name = run.lastComponent?.string ?? ""
            if FileSystem.exists(folder.appending(RunRecord.fileName)) {
                guard let record = try? RunRecord.read(folder) else {
                    problem = problem ?? Self.problem(folder, "its record can't be read")
                    continue
                }
                artifacts.formUnion(record.stages.map(\.fingerprint))
                if newest[experiment] == name {
                    unfinished.formUnion(
                        record.stages.filter { $0.status == .failed || $0.status == .skipped }.map(
                            \.fingerprint))
                }
                continue
            }
            // A run that goes on, or was killed: its record doesn't say yet what it uses, its configuration does.
            let path = folder.appending(RunRecord.experimentFileName)
            guard FileSystem.exists(path) else { continue }
            guard let bytes = try? FileSystem.read(path),
                let stages = try? Experiment.parse(bytes, name: path.string, registry: registry).stages
            else {
                problem =
                    problem
                    ?? Self.problem(
                        folder, "it has no record, and its configuration can't be read by this version")
                continue
            }
            artifacts.formUnion(stages.map(\.fingerprint))
            if newest[experiment].map({ Self.isLater(name, than: $0) }) ?? true {
                unfinished.formUnion(stages.map(\.fingerprint))
            }
        }
        addInputs(inventory)
    }

    private mutating func addInputs(_ inventory: StoreInventory) {
        let records = Dictionary(
            inventory.artifacts.map { ($0.fingerprint, [$0.record]) }, uniquingKeysWith: { $0 + $1 })
        var waiting = Array(artifacts)
        while let next = waiting.popLast() {
            for input in (records[next] ?? []).flatMap({ $0.inputList ?? [] })
            where artifacts.insert(input.fingerprint).inserted {
                waiting.append(input.fingerprint)
            }
        }
    }

    /// By experiment, the name of its newest run that has ended.
    private static func newestRecords(_ inventory: StoreInventory, _ store: Store) -> [String: String] {
        var newest: [String: String] = [:]
        for run in inventory.runs {
            let experiment = run.removingLastComponent().removingLastComponent().string
            newest[experiment] = newest[experiment] ?? store.runs(of: experiment).last?.lastComponent?.string
        }
        return newest
    }

    /// Whether a run's folder names a later time than another, or a later run of the same second.
    private static func isLater(_ a: String, than b: String) -> Bool {
        let (x, y) = (a.byteText.split("-").map(\.text), b.byteText.split("-").map(\.text))
        guard x.count == 2, y.count == 2, let m = Int(x[1]), let n = Int(y[1]) else { return true }
        return (x[0], m) > (y[0], n)
    }

    private static func problem(_ run: FilePath, _ reason: String) -> String {
        "No artifact is removed, because it can't be told what the run \(run) refers to: \(reason). Move that folder out of the store to go on without it."
    }
}
