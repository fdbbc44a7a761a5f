internal import Evaluation
internal import JSON
public import Pipeline
public import SystemPackage

extension EvaluateStage {
    /// Also grades every answer again, so that a verdict can't be changed together with the metrics.
    public func recompute(from artifact: FilePath, _ context: StageContext) throws -> StageResult {
        let records = try records(in: artifact, context)
        let path = Self.journal(of: artifact)
        let grader = Grader()
        for (record, problem) in zip(records, try problems(context)) {
            guard let text = record.value["text"]?.string else { continue }
            guard record.value["promptHash"]?.string == StableHash.hex(problem.prompt()) else {
                throw DamagedFileError(
                    path, "the record of \(record.key) has the hash of another prompt than the problem's.")
            }
            let verdict = grader.grade(text, answer: problem.answer).isCorrect
            guard record.value["correct"]?.bool == verdict else {
                throw DamagedFileError(
                    path,
                    "the record of \(record.key) says that its answer is \(verdict ? "wrong" : "right"), but the grader finds it \(verdict ? "right" : "wrong")."
                )
            }
        }
        return try result(of: records, in: path)
    }
}
