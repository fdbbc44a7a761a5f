internal import ArtifactStore
internal import JSON
internal import Numerics
package import Runs
package import SystemPackage
internal import Transformers

extension DistillStage: RecomputableStage {
    package func recompute(from artifact: FilePath, _ context: StageContext) throws -> StageResult {
        let losses = try TrainingLog.finalGroups(
            in: artifact.appending("training.jsonl"), phases: [(recipeName.rawValue, steps)])
        var answers = 0
        try Journal.forEach(TrajectoriesStage.journal(of: context.folder(of: trajectories))) { record in
            if TrajectoryRecord(record.value)?.isUsed ?? false { answers += 1 }
        }
        return result(losses, answers: answers, trained: try trainedParameters(of: artifact))
    }

    private func trainedParameters(of artifact: FilePath) throws -> Int {
        let configuration = try Checkpoint.configuration(artifact)
        guard adapter != nil else { return configuration.parameterCount }
        let adapter = try LoRAAdapter(
            Self.adapterFolder(of: artifact), for: configuration, Checkpoint.family(artifact))
        return adapter.pairs.reduce(0) { $0 + $1.a.rows * $1.a.columns + $1.b.rows * $1.b.columns }
    }
}
