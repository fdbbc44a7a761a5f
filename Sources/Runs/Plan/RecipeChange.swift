import ArtifactStore
package import JSON
package import Recipes

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
