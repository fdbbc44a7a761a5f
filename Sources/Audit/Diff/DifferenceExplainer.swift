import ArtifactStore
import JSON
import Recipes
import Runs

/// Finds what two artifacts of one stage differ in, and what in their records explains it.
struct DifferenceExplainer {
    private let tracer: ChangeTracer

    init(_ old: Store, _ new: Store) {
        let (before, after) = (StoreCatalog(old), StoreCatalog(new))
        tracer = ChangeTracer(before: { before.maker(of: $0) }, after: { after.maker(of: $0) })
    }

    /// Nil when the artifacts are the same.
    func entry(_ stage: String, _ old: Artifact, _ new: Artifact) -> RunDifference.StageEntry? {
        let (a, b) = (old.record, new.record)
        let numbers = ValueDifference.between(a.metrics, b.metrics)
        let files = Self.files(a, b)
        let changes = tracer.changes(RecipeDifference.between(a.recipe, b.recipe))
        guard !numbers.isEmpty || !files.isEmpty || !changes.isEmpty else { return nil }
        var reasons = changes.isEmpty ? [] : ["\(ChangeSummary(changes))"]
        if !numbers.isEmpty || !files.isEmpty {
            reasons += Self.inputReasons(a, b, sameRecipe: changes.isEmpty)
            for (what, old, new) in [("program", a.code, b.code), ("machine", a.machine, b.machine)] {
                reasons += Self.circumstances(what, old, new, isSecondary: !changes.isEmpty)
            }
        }
        let isUnexplained = reasons.isEmpty
        if isUnexplained {
            reasons = [
                "nothing that is recorded differs: the stage isn't deterministic (d3llm determinism), or a file was changed (d3llm verify)"
            ]
        }
        return RunDifference.StageEntry(
            stage: stage, reasons: reasons, numbers: numbers, files: files, isUnexplained: isUnexplained)
    }

    private static func files(_ a: ArtifactRecord, _ b: ArtifactRecord) -> [String] {
        let old = Dictionary(a.files.map { ($0.path, $0.sha256) }, uniquingKeysWith: { first, _ in first })
        let new = Dictionary(b.files.map { ($0.path, $0.sha256) }, uniquingKeysWith: { first, _ in first })
        return Set(old.keys).union(new.keys).filter { old[$0] != new[$0] }.sorted()
    }

    /// Inputs of the same recipe that held something else.
    private static func inputReasons(_ a: ArtifactRecord, _ b: ArtifactRecord, sameRecipe: Bool) -> [String] {
        guard sameRecipe, let old = a.inputList, let new = b.inputList, old.count == new.count else {
            return []
        }
        let changed = zip(old, new).filter {
            $0.content != nil && $1.content != nil && $0.content != $1.content
        }
        var keys: [String] = []
        for (_, input) in changed where !keys.contains(input.key) { keys.append(input.key) }
        guard !keys.isEmpty else { return [] }
        return [
            "\(keys.count == 1 ? "its input" : "its inputs") \(keys.joined(separator: ", ")) had other files or numbers"
        ]
    }

    /// - Parameter isSecondary: Whether the recipe explains the difference, so that this is only another suspicion.
    private static func circumstances(
        _ what: String, _ old: JSONValue, _ new: JSONValue, isSecondary: Bool
    ) -> [String] {
        // How much memory there was doesn't show in numbers.
        let differences = ValueDifference.between(old, new).filter { $0.path != "memoryBytes" }
        guard !differences.isEmpty else { return [] }
        let fields = differences.map { isSecondary ? $0.path : $0.shortened.description }
        return [
            "the \(what) was another\(isSecondary ? " too, which may matter" : ""): \(fields.joined(separator: ", "))"
        ]
    }
}
