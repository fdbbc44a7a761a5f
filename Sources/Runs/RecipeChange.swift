package import ArtifactStore
internal import Base
import Files
package import JSON
package import Recipes
import SystemPackage

/// A difference between two recipes and, if it is an input, why that is another.
package struct RecipeChange: Sendable {
    /// Why an input is another artifact.
    package indirect enum Cause: Sendable {
        /// The recipe of the stage that makes it changed; the stage's name, and how.
        case recipe(stage: String, changes: [RecipeChange])
        /// It comes from a stage of another kind than before.
        case kind(stage: String, old: String, new: String)
        /// Another part of the same artifact.
        case part(stage: String)
        /// The earlier artifact isn't in the store any more, so that nothing can be said.
        case unknown(stage: String)
    }

    package let difference: RecipeDifference
    /// Nil for a field that is no input, and for an input that is new or gone.
    package let cause: Cause?

    package init(difference: RecipeDifference, cause: Cause?) {
        self.difference = difference
        self.cause = cause
    }

    /// What changed in the end, below all inputs: the stage if it is another one, and the difference.
    var roots: [(stage: String?, difference: RecipeDifference)] {
        var seen: Set<RecipeDifference> = []
        return roots(in: nil, &seen)
    }

    private func roots(
        in stage: String?, _ seen: inout Set<RecipeDifference>
    ) -> [(stage: String?, difference: RecipeDifference)] {
        guard case .recipe(let stage, let changes)? = cause else { return [(stage, difference)] }
        // Several ways can lead to one change.
        var roots: [(stage: String?, difference: RecipeDifference)] = []
        for change in changes where !change.difference.isInput || seen.insert(change.difference).inserted {
            roots += change.roots(in: stage, &seen)
        }
        return roots
    }
}

/// Follows inputs that changed to the stages that make them.
package final class ChangeTracer {
    /// What makes an artifact.
    package struct Maker {
        /// The stage's full name.
        package let stage: String
        package let kind: String?
        package let recipe: JSONValue
    }

    private let before: (String) -> Maker?
    private let after: (String) -> Maker?
    /// By the old and the new fingerprint.
    private var known: [String: RecipeChange.Cause] = [:]

    /// From what is in a store to an experiment.
    package convenience init(_ experiment: Experiment, _ catalog: StoreCatalog) {
        let stages = Dictionary(
            experiment.stages.map { ($0.fingerprint, $0) }, uniquingKeysWith: { first, _ in first })
        self.init {
            catalog.maker(of: $0)
        } after: {
            stages[$0].map { Maker(stage: $0.id, kind: $0.recipe.kind, recipe: $0.recipe.value) }
        }
    }

    /// - Parameters:
    ///   - before: What makes the old artifact of a fingerprint.
    ///   - after: What makes the new one.
    package init(before: @escaping (String) -> Maker?, after: @escaping (String) -> Maker?) {
        self.before = before
        self.after = after
    }

    /// The differences with their causes.
    package func changes(_ differences: [RecipeDifference]) -> [RecipeChange] {
        differences.map { RecipeChange(difference: $0, cause: cause(of: $0)) }
    }

    private func cause(of difference: RecipeDifference) -> RecipeChange.Cause? {
        guard difference.isInput, let old = difference.old.map(InputReference.init),
            let new = difference.new.map(InputReference.init),
            let maker = after(new.fingerprint)
        else { return nil }
        guard old.fingerprint != new.fingerprint else { return .part(stage: maker.stage) }
        let key = "\(old.fingerprint) \(new.fingerprint)"
        if let cause = known[key] { return cause }
        let cause = cause(of: maker, insteadOf: old.fingerprint)
        known[key] = cause
        return cause
    }

    private func cause(of maker: Maker, insteadOf old: String) -> RecipeChange.Cause {
        guard let earlier = before(old) else { return .unknown(stage: maker.stage) }
        guard earlier.kind == maker.kind else {
            return .kind(stage: maker.stage, old: earlier.kind ?? "?", new: maker.kind ?? "?")
        }
        // Recipes name only fingerprints of recipes made before them, so that this ends.
        let differences = RecipeDifference.between(earlier.recipe, maker.recipe)
        return .recipe(stage: maker.stage, changes: changes(differences))
    }
}

extension StoreCatalog {
    /// What made the artifact of a fingerprint.
    package func maker(of fingerprint: String) -> ChangeTracer.Maker? {
        self[fingerprint].map {
            .init(stage: $0.record.stage, kind: $0.record.kind, recipe: $0.record.recipe)
        }
    }
}

/// Changes of a recipe on one line: the stage's own keys, then inputs by what changed behind them.
package struct ChangeSummary: CustomStringConvertible {
    /// More than this is told by `d3llm why`.
    package static let limit = 3

    package let description: String

    package init(_ changes: [RecipeChange]) {
        var items = changes.filter { !$0.difference.isInput }.map(\.difference.description)
        // Inputs that changed for the same reason are named together.
        var groups: [(reason: String, fields: [String])] = []
        for change in changes where change.difference.isInput {
            let reason = Self.reason(change)
            let field = change.difference.field
            if let index = groups.firstIndex(where: { $0.reason == reason }) {
                if !groups[index].fields.contains(field) { groups[index].fields.append(field) }
            } else {
                groups.append((reason, [field]))
            }
        }
        items += groups.map { group in
            "\(group.fields.count == 1 ? "input" : "inputs") \(Self.list(group.fields)) \(group.reason)"
        }
        description = Self.list(items)
    }

    private static func reason(_ change: RecipeChange) -> String {
        switch change.cause {
        case nil: change.difference.old == nil ? "added" : "removed"
        case .recipe:
            "changed: "
                + list(
                    change.roots.map { root in
                        root.difference.description(of: root.stage.map { " of @\($0)" } ?? "")
                    })
        case .kind(let stage, let old, let new): "is @\(stage) of kind \(new) instead of one of kind \(old)"
        case .part(let stage): "is another part of @\(stage)"
        case .unknown(let stage):
            "changed: @\(stage) is another, and the earlier one isn't in the store any more"
        }
    }

    private static func list(_ items: [String]) -> String {
        var distinct: [String] = []
        for item in items where !distinct.contains(item) { distinct.append(item) }
        let more = distinct.count - limit
        return distinct.prefix(limit).joined(separator: ", ") + (more > 0 ? " and \(more) more" : "")
    }
}

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
