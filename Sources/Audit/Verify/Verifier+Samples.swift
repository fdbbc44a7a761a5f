import ArtifactStore
import JSON
import Runs

extension Verifier {
    /// The groups that the drawn samples were computed in, computed again.
    func sampleChecks(_ draw: SampleDraw, _ bench: VerificationBench) throws -> [Verification.Check] {
        guard !draw.chosen.isEmpty else {
            return [
                .init(
                    step: .samples, subject: run.record.experiment,
                    outcome: .unchecked(
                        bench.artifacts.items.contains { !$0.finding.leftOut.isEmpty }
                            ? "No samples can be computed again without the weights that were left out."
                            : "There are no samples that could be computed again."))
            ]
        }
        return try draw.chosen.flatMap { choice in
            if cancellation.isCancelled { throw Interrupted() }
            reporter.log("verify: computing samples of \(choice.subject.name) again")
            do {
                return try checks(choice, bench)
            } catch let error as Interrupted {
                throw error
            } catch {
                return [
                    .init(
                        step: .samples, subject: choice.subject.name,
                        outcome: .broken(["Its samples can't be computed again: \(error)"]))
                ]
            }
        }
    }

    private func checks(_ choice: SampleDraw.Choice, _ bench: VerificationBench) throws
        -> [Verification.Check]
    {
        let context = try bench.context(choice.subject, "samples")
        let recorded = try choice.stage.records(in: choice.subject.artifact.folder, context)
        let groups = try choice.stage.groups(context)
        var again: [Int: [JournalRecord]] = [:]
        return try choice.samples.map { sample in
            if cancellation.isCancelled { throw Interrupted() }
            let group = sample / groups.size
            let records = try again[group] ?? groups.compute(group)
            again[group] = records
            let range = groups.range(of: group)
            guard records.count == range.count else {
                return .init(
                    step: .samples, subject: choice.subject.name,
                    outcome: .broken([
                        "The group of sample \(sample + 1) gives \(records.count) records instead of \(range.count)."
                    ]))
            }
            let problems = zip(range, records).flatMap { index, record -> [String] in
                let differences = SampleDifference.list(recorded[index].value, record.value)
                let name = "Sample \(index + 1) (\(record.key))"
                if record.key != recorded[index].key {
                    return ["\(name) is recorded as \(recorded[index].key)."]
                }
                return differences.isEmpty ? [] : ["\(name): \(differences.joined(separator: "; "))."]
            }
            // Those beside the drawn one were computed anyway.
            let others = range.count - 1
            let what =
                "sample \(sample + 1) (\(recorded[sample].key))"
                + (others > 0
                    ? " and \(others == 1 ? "the other" : "the \(others) others") of its group" : "")
            return .init(
                step: .samples, subject: choice.subject.name,
                outcome: problems.isEmpty ? .holds("\(what): the same") : .broken(problems))
        }
    }
}
