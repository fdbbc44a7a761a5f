/// A difference between two recipes and, if it is an input, why that is another.
public struct RecipeChange: Sendable {
    /// Why an input is another artifact.
    public indirect enum Cause: Sendable {
        /// The recipe of the stage that makes it changed; the stage's name, and how.
        case recipe(stage: String, changes: [RecipeChange])
        /// It comes from a stage of another kind than before.
        case kind(stage: String, old: String, new: String)
        /// Another part of the same artifact.
        case part(stage: String)
        /// The earlier artifact isn't in the store any more, so that nothing can be said.
        case unknown(stage: String)
    }

    public let difference: RecipeDifference
    /// Nil for a field that is no input, and for an input that is new or gone.
    public let cause: Cause?

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
final class ChangeTracer {
    private let stages: [String: Stage]
    private let catalog: StoreCatalog
    /// By the old and the new fingerprint.
    private var known: [String: RecipeChange.Cause] = [:]

    init(_ experiment: Experiment, _ catalog: StoreCatalog) {
        stages = Dictionary(
            experiment.stages.map { ($0.fingerprint, $0) }, uniquingKeysWith: { first, _ in first })
        self.catalog = catalog
    }

    /// The differences with their causes.
    func changes(_ differences: [RecipeDifference]) -> [RecipeChange] {
        differences.map { RecipeChange(difference: $0, cause: cause(of: $0)) }
    }

    private func cause(of difference: RecipeDifference) -> RecipeChange.Cause? {
        guard difference.isInput, let old = difference.old.map(InputReference.init),
            let new = difference.new.map(InputReference.init),
            let stage = stages[new.fingerprint]
        else { return nil }
        guard old.fingerprint != new.fingerprint else { return .part(stage: stage.id) }
        let key = "\(old.fingerprint) \(new.fingerprint)"
        if let cause = known[key] { return cause }
        let cause = cause(of: stage, insteadOf: old.fingerprint)
        known[key] = cause
        return cause
    }

    private func cause(of stage: Stage, insteadOf old: String) -> RecipeChange.Cause {
        guard let before = catalog[old] else { return .unknown(stage: stage.id) }
        let kind = before.record.kind ?? "?"
        guard kind == stage.recipe.kind else {
            return .kind(stage: stage.id, old: kind, new: stage.recipe.kind)
        }
        // Recipes name only fingerprints of recipes made before them, so that this ends.
        let differences = RecipeDifference.between(before.record.recipe, stage.recipe.value)
        return .recipe(stage: stage.id, changes: changes(differences))
    }
}
