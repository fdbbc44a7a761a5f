import ArtifactStore
internal import Base
import Files
import Runs
import SystemPackage

/// The artifacts of a run and all those that they were made from.
struct ArtifactCollection {
    /// One artifact, found or not.
    struct Item {
        /// The stage's full name; for what no stage of the run made, the place in the store.
        let name: String
        let fingerprint: String
        let folder: FilePath
        let finding: ArtifactInspector.Finding
        /// It, if its record can be read and is of the right recipe.
        var artifact: Artifact? {
            finding.record.flatMap {
                $0.fingerprint == fingerprint ? Artifact(folder: folder, record: $0) : nil
            }
        }
    }

    private(set) var items: [Item] = []
    private var known: [String: Int] = [:]
    private let store: Store
    private let catalog: StoreCatalog

    /// Finds and inspects them.
    ///
    /// - Throws: `FileError`.
    init(_ run: RunRecord, in store: Store, cancellation: Cancellation) throws {
        self.store = store
        catalog = StoreCatalog(store)
        var waiting = run.stages.filter { $0.status == .made || $0.status == .cached }.map {
            (name: $0.stage, fingerprint: $0.fingerprint, place: Optional(store.root.pushing($0.artifact)))
        }[...]
        while let next = waiting.popFirst() {
            if cancellation.isCancelled { throw Interrupted() }
            guard known[next.fingerprint] == nil else { continue }
            let folder = place(of: next.fingerprint, first: next.place)
            let finding = try ArtifactInspector(folder: folder, fingerprint: next.fingerprint).inspect()
            var relative = folder
            _ = relative.removePrefix(store.root)
            known[next.fingerprint] = items.count
            items.append(
                Item(
                    name: next.name.isEmpty ? relative.string : next.name, fingerprint: next.fingerprint,
                    folder: folder, finding: finding))
            for input in finding.record?.inputList ?? [] {
                waiting.append(("", input.fingerprint, nil))
            }
        }
    }

    /// The artifact of this fingerprint.
    subscript(fingerprint: String) -> Item? { known[fingerprint].map { items[$0] } }

    /// Where an artifact is: where the run says, else where the index or a search of the store finds it.
    private func place(of fingerprint: String, first: FilePath?) -> FilePath {
        if let first, FileSystem.exists(first) { return first }
        if let noted = store.notedLocation(of: fingerprint), FileSystem.exists(noted) { return noted }
        return catalog[fingerprint]?.folder ?? first
            ?? store.root.appending("…-\(fingerprint.prefix(12))")
    }

    /// What doesn't hold between an artifact and those that it was made from.
    func inputProblems(of item: Item) -> [String] {
        guard let record = item.finding.record else { return [] }
        guard let inputs = record.inputList else {
            return ["Its list of inputs doesn't fit its recipe."]
        }
        var problems: [String] = []
        for input in inputs {
            let name = "Its input \(input.key) (\(input.reference))"
            if let folder = input.folder, !folder.byteText.hasSuffix("-\(input.fingerprint.prefix(12))") {
                problems.append(
                    "\(name) is named \(folder), but its recipe says \(input.fingerprint.prefix(12))….")
            }
            guard let artifact = self[input.fingerprint]?.artifact else {
                problems.append(
                    "\(name) isn't in the store: no artifact has the fingerprint \(input.fingerprint.prefix(12))…."
                )
                continue
            }
            if let content = input.content, content != artifact.record.content {
                problems.append(
                    "\(name) isn't what it was made from: files or metrics of the artifact that is there now are others."
                )
            }
        }
        // Every point of a sweep can miss the same input.
        var told: Set<String> = []
        return problems.filter { told.insert($0).inserted }
    }
}
