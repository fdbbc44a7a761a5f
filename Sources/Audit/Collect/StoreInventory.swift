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
