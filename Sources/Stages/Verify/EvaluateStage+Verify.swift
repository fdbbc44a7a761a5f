internal import JSON
package import Runs
package import SystemPackage

extension EvaluateStage {
    /// Also grades every answer again, so that a verdict can't be changed together with the metrics.
    ///
    /// Programs aren't run for this; `--rerun` decodes samples and runs their programs again.
    package func recompute(from artifact: FilePath, _ context: StageContext) throws -> StageResult {
        let records = try records(in: artifact, context)
        let path = Self.journal(of: artifact)
        let asked = try asked(context)
        for (index, record) in records.enumerated() { try asked.check(record, index, in: path) }
        return try result(of: records, in: path)
    }
}
