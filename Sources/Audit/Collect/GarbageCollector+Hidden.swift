import ArtifactStore
internal import Base
import Files
import Recipes
import SystemPackage

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
