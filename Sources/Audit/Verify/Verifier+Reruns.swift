import ArtifactStore
import Files
import Recipes
import Runs
import SystemPackage

extension Verifier {
    /// Quick stages, run again outside the store.
    func rerunChecks(_ bench: VerificationBench) throws -> [Verification.Check] {
        try bench.artifacts.items.compactMap { item in
            guard case .ready(let subject) = bench.access(item),
                subject.stage.implementation is any QuickStage
            else { return nil }
            if cancellation.isCancelled { throw Interrupted() }
            reporter.log("verify: running \(item.name) again")
            return .init(step: .reruns, subject: item.name, outcome: try rerun(subject, bench))
        }
    }

    private func rerun(_ subject: VerificationBench.Subject, _ bench: VerificationBench) throws
        -> Verification.Outcome
    {
        do {
            let context = try bench.context(subject, "rerun")
            defer { try? FileSystem.remove(context.output.removingLastComponent()) }
            let result = try subject.stage.runnable().run(context)
            try context.publishJournals()
            var problems = VerificationBench.differences(subject.artifact.record, result)
            let recorded = try ArtifactInspector.files(below: subject.artifact.folder)
                .filter { $0 != ArtifactRecord.fileName }
            let again = try ArtifactInspector.files(below: context.output)
            problems += recorded.filter { !again.contains($0) }.map { "\($0) isn't made." }
            problems += again.filter { !recorded.contains($0) }.map { "\($0) is made, but isn't there." }
            for file in recorded where again.contains(file) {
                let path = FilePath(file)
                let difference = try FileDifference.first(
                    file, subject.artifact.folder.pushing(path), context.output.pushing(path))
                if let difference { problems.append(difference) }
            }
            return problems.isEmpty
                ? .holds(again.count == 1 ? "1 file is the same" : "all \(again.count) files are the same")
                : .broken(problems)
        } catch let error as Interrupted {
            throw error
        } catch {
            return subject.failure("It can't be run again: \(error)")
        }
    }
}
