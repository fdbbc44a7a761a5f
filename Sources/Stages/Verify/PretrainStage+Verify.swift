internal import JSON
package import Runs
package import SystemPackage
internal import Transformers

extension PretrainStage: RecomputableStage {
    package func recompute(from artifact: FilePath, _ context: StageContext) throws -> StageResult {
        let losses = try TrainingLog.finalGroups(
            in: artifact.appending("training.jsonl"), phases: phases.map { ($0.name, $0.steps) })
        return result(try Checkpoint.configuration(artifact), losses)
    }
}
