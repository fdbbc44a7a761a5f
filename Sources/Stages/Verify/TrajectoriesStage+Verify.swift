import ArtifactStore
internal import Evaluation
internal import JSON
package import Runs
package import SystemPackage
internal import Tokenizers

extension TrajectoriesStage {
    /// Also grades every answer again, so that a verdict can't be changed together with the metrics.
    package func recompute(from artifact: FilePath, _ context: StageContext) throws -> StageResult {
        let records = try records(in: artifact, context)
        let path = Self.journal(of: artifact)
        let tokenizer = try WordLevelTokenizer(folder: context.folder(of: teacher))
        for (record, problem) in zip(records, try problems(context)) {
            // A record of another form is told by what sums the records up.
            guard let trajectory = TrajectoryRecord(record.value) else { continue }
            let text = tokenizer.decode(
                tokenIds: trajectory.response.map(Int.init), skipSpecialTokens: false)
            let verdict = problem.accepts(text)
            guard trajectory.isCorrect == verdict else {
                throw DamagedFileError(
                    path,
                    "the record of \(record.key) says that its answer is \(verdict ? "wrong" : "right"), but the grader finds it \(verdict ? "right" : "wrong")."
                )
            }
        }
        return try result(of: records, in: path)
    }
}
