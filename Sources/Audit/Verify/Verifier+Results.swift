import ArtifactStore
import JSON
import Recipes
import Runs
import SystemPackage

extension Verifier {
    /// Summaries and metrics against what the artifacts' own files give.
    func resultChecks(_ bench: VerificationBench) throws -> [Verification.Check] {
        try bench.artifacts.items.compactMap { item in
            if cancellation.isCancelled { throw Interrupted() }
            switch bench.access(item) {
            case .closed(let reason):
                // Told once here; later steps leave the artifact out.
                return .init(step: .results, subject: item.name, outcome: .unchecked(reason))
            case .ready(let subject):
                guard let stage = subject.stage.implementation as? any RecomputableStage else {
                    guard !(subject.stage.implementation is any QuickStage) else { return nil }
                    return .init(
                        step: .results, subject: item.name,
                        outcome: .unchecked("Stages of kind \(subject.stage.recipe.kind) have no check."))
                }
                return .init(
                    step: .results, subject: item.name, outcome: try outcome(stage, subject, bench))
            }
        }
    }

    private func outcome(
        _ stage: any RecomputableStage, _ subject: VerificationBench.Subject, _ bench: VerificationBench
    ) throws -> Verification.Outcome {
        let result: StageResult
        do {
            result = try stage.recompute(
                from: subject.artifact.folder, try bench.context(subject, "result"))
        } catch let error as Interrupted {
            throw error
        } catch {
            return subject.failure("\(error)")
        }
        let problems = VerificationBench.differences(subject.artifact.record, result)
        return problems.isEmpty ? .holds(result.summary) : .broken(problems)
    }
}
