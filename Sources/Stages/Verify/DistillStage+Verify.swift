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
        return result(
            losses, answers: answers,
            trained: try TrainedModel.trainedParameters(of: artifact, isAdapted: adapter != nil))
    }
}
