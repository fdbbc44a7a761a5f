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
        let known = try ModelTokens(context.folder(of: teacher))
        for (record, item) in zip(records, try questions(context).items) {
            // A record of another form is told by what sums the records up.
            guard let trajectory = TrajectoryRecord(record.value) else { continue }
            if let prompt = trajectory.prompt,
                try prompt != known.encoder.prompt(item, room: generationLength)
            {
                throw DamagedFileError(
                    path, "the record of \(record.key) has another prompt than its question gives.")
            }
            guard let verdict = verdict(of: trajectory, item, known.answers) else { continue }
            guard trajectory.isCorrect == verdict else {
                throw DamagedFileError(
                    path,
                    "the record of \(record.key) says that its answer is \(verdict ? "wrong" : "right"), but the grader finds it \(verdict ? "right" : "wrong")."
                )
            }
        }
        return try result(of: records, in: path)
    }

    /// What grading says again; nil where that takes running a program or asking sympy, and where nothing is graded.
    private func verdict(
        of trajectory: TrajectoryRecord, _ item: DataItem, _ tokens: AnswerTokens
    ) -> Bool? {
        switch item {
        case .problem(let problem):
            problem.accepts(tokens.problemText(trajectory.response))
        case .task(let task):
            task.extractions(tokens.text(trajectory.response)).first { $0.isReported && $0.name != "none" }?
                .verdict.isCorrect
        }
    }
}
