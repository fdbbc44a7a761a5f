import ArtifactStore
internal import Base
import Files
import Recipes
import SystemPackage

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
