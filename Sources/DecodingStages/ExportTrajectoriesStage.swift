package import ArtifactStore
internal import DataStages
internal import Evaluation
internal import Files
internal import JSON
internal import ModelStages
package import Recipes
package import Runs
internal import StageBasics
internal import SystemPackage
internal import Tokenizers

/// Writes trajectories in the form of the published ones: the whole sequence after each step, one JSON object a line.
///
/// Fields, as the scripts of d3LLM write them (`d3llm_llada_generate_partly.py`): `idx`, `question`, `prompt_ids`,
/// `trajectory`, `final_output`, `generated_text`, `llm_answer`, `gt_answer`, `is_correct`, `nfe`. Besides them
/// `attempt`, `evaluations` and `used` keep what the form has no place for, so that reading the file gives the same
/// records.
package struct ExportTrajectoriesStage: QuickStage {
    package static let name = "export-trajectories"
    package static let version = 1
    package static let summary =
        "Writes trajectories in the published form (d3LLM's data sets: the whole sequence after each step), which import-trajectories and the released training read."
    package static let output = ArtifactType.files

    /// The file of the artifact.
    static let fileName = "trajectories.jsonl"

    let trajectories: ArtifactReference
    let model: ArtifactReference
    let data: ArtifactReference?
    let answers: Answers

    /// Which answers are written.
    enum Answers: String, CaseIterable {
        case all
        case used
    }

    package init(_ fields: Fields) {
        trajectories = fields.artifact(
            "trajectories", types: [.trajectories], "The teacher's answers and their order.")
        model = fields.artifact(
            "model", types: [.model], "The teacher: its mask token and its tokenizer are needed.")
        data = fields.optionalArtifact(
            "data", types: [.dataset],
            "Data set that the prompts come from: gives question and gt_answer, and the prompts where the trajectories don't hold them."
        )
        answers = fields.choice(
            "answers", default: Answers.all,
            "all: also answers that a student doesn't learn from, with is_correct false; used: only the others."
        )
    }

    package func run(_ context: StageContext) throws -> StageResult {
        let tokens = try ModelTokens(context.folder(of: model))
        let items = try data.map { try DataSet(context.folder(of: $0), name: "\($0)").items(.train) } ?? []
        let questions = Dictionary(items.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        let path = TrajectoriesStage.journal(of: context.folder(of: trajectories))
        let target = context.output.appending(Self.fileName)
        let progress = context.progress(total: nil, unit: "rows")
        var rows = 0
        try FileSystem.writeAtomically(to: target) { sink in
            try Journal.forEach(path) { line in
                try context.checkCancellation()
                guard let record = TrajectoryRecord(line.value) else {
                    throw DamagedFileError(path, "the record of \(line.key) is no trajectory.")
                }
                if answers == .used, !record.isUsed { return }
                let row = try published(record, questions[record.id], tokens)
                try sink.append(try row.compactBytes() + [UInt8(ascii: "\n")])
                rows += 1
                progress.advance()
            }
        }
        guard rows > 0 else {
            throw DataError(description: "\(trajectories) has no answer to write.")
        }
        let size = try FileSystem.status(target)?.size ?? 0
        return StageResult(
            summary: "\(rows) rows, \(size) bytes",
            metrics: ["rows": .integer(rows), "bytes": .integer(size)])
    }

    private func published(
        _ record: TrajectoryRecord, _ item: DataItem?, _ tokens: ModelTokens
    ) throws -> JSONValue {
        guard
            let prompt = try record.prompt
                ?? item.map({ try tokens.encoder.prompt($0, room: record.response.count) })
        else {
            throw DataError(
                description:
                    "The trajectories don't hold their prompts\(data == nil ? ", so the stage needs \"data\": the data set that they come from" : ", and the data set has no question \(record.id)")."
            )
        }
        func ids(_ tokens: [Int32]) -> JSONValue { .array(tokens.map { .integer(Int($0)) }) }
        let answer = tokens.answers.text(record.response)
        let last = Int(record.unmaskStep.max() ?? 0)
        // The published form has every state in full.
        guard (max(0, last) + 1) * (prompt.count + record.response.count) <= 1 << 26 else {
            throw DataError(
                description:
                    "The trajectory of \(record.id) has \(last + 1) states of \(prompt.count + record.response.count) tokens, which are more than the published form is written for."
            )
        }
        let states = (0...max(0, last)).map { state in
            ids(
                prompt
                    + zip(record.response, record.unmaskStep).map { token, step in
                        Int(step) <= state ? token : tokens.mask
                    })
        }
        var row: JSONObject = [
            "idx": .string(record.id),
            "question": .string(
                item?.question
                    ?? tokens.tokenizer.exactText(of: prompt.map(Int.init))),
            "prompt_ids": ids(prompt), "trajectory": .array(states),
            "final_output": ids(prompt + record.response), "generated_text": .string(answer),
            "llm_answer": DistillationAnswer.extract(from: answer).map { .string($0) } ?? .null,
            "gt_answer": item.map { .string($0.answer) } ?? .null,
            "is_correct": record.isCorrect.map { .bool($0) } ?? .null, "nfe": .integer(states.count),
        ]
        row["attempt"] = .integer(record.attempt)
        row["evaluations"] = .integer(record.evaluations)
        row["used"] = .bool(record.isUsed)
        return .object(row)
    }
}

extension ExportTrajectoriesStage {
    /// Each step holds the whole sequence: about five bytes a token.
    package func forecast(_ context: ForecastContext) -> StageForecast? {
        let facts = context.facts(of: trajectories)
        guard let rows = facts[.answers], let prompt = facts[.promptTokens],
            let response = facts[.responseTokens]
        else { return nil }
        let bytes = rows * response * (prompt + response) * 6
        return StageForecast(
            seconds: bytes * 1e-8,
            memory: Int(clamped: MemoryModel.program + 100 * response * (prompt + response)),
            disk: Int(clamped: bytes))
    }
}
