package import ArtifactStore
internal import Base
import Files
import JSON
package import Recipes
import SystemPackage

/// All whole artifacts of a store, read when they are first asked for.
package final class StoreCatalog {
    private let store: Store
    private lazy var artifacts: [Artifact] = Self.artifacts(below: store.root)
    private lazy var byFingerprint = Dictionary(
        artifacts.map { ($0.record.fingerprint, $0) }, uniquingKeysWith: { first, _ in first })

    package init(_ store: Store) { self.store = store }

    /// Every whole artifact, in no particular order.
    package var all: [Artifact] { artifacts }

    /// The artifact with this fingerprint, whichever experiment made it.
    package subscript(fingerprint: String) -> Artifact? { byFingerprint[fingerprint] }

    /// What to compare a stage with.
    package struct Nearest {
        package let artifact: Artifact
        package let differences: [RecipeDifference]
        /// Whether it is the same stage of the same experiment, made from an earlier recipe.
        let isSameStage: Bool
    }

    /// The artifact whose recipe differs least from a stage's: of the same stage if it has been made before, because
    /// what changed since then is what its reader wants to know; else any of the same kind.
    ///
    /// The newest of several that differ equally.
    func nearest(to stage: Stage, in experiment: Experiment) -> Nearest? {
        let own = store.records(of: stage, in: experiment)
        let candidates = own.isEmpty ? artifacts.filter { $0.record.kind == stage.recipe.kind } : own
        return
            candidates.map { artifact in
                Nearest(
                    artifact: artifact,
                    differences: RecipeDifference.between(artifact.record.recipe, stage.recipe.value),
                    isSameStage: !own.isEmpty)
            }
            .min { a, b in
                let counts = (a.differences.count, b.differences.count)
                return counts.0 != counts.1
                    ? counts.0 < counts.1 : a.artifact.record.finished > b.artifact.record.finished
            }
    }

    /// Whole artifacts in a folder and below it; what is unreadable is left out.
    private static func artifacts(below folder: FilePath) -> [Artifact] {
        if let bytes = try? FileSystem.read(folder.appending(ArtifactRecord.fileName)) {
            return (try? ArtifactRecord(parsing: bytes)).map { [Artifact(folder: folder, record: $0)] } ?? []
        }
        return ((try? FileSystem.list(folder)) ?? []).flatMap { name -> [Artifact] in
            let child = folder.appending(name)
            guard !name.byteText.hasPrefix("."), name != "runs",
                (try? FileSystem.status(child, followingLinks: false))?.kind == .folder
            else { return [] }
            return artifacts(below: child)
        }
    }
}

extension ArtifactRecord {
    /// The kind of the stage that made it.
    package var kind: String? { recipe["kind"]?.string }
}
