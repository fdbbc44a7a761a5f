internal import Evaluation
internal import JSON
internal import Pipeline
internal import SystemPackage
internal import Training
internal import Transformers

/// A prompt with the teacher's answer, ready to be masked.
struct AnswerRow {
    /// Prompt, then response with its padding.
    let tokens: [Int32]
    let promptLength: Int
    /// Prompt and response up to and including the first end token.
    let fullLength: Int
    let trajectory: TrajectoryMask.Trajectory

    /// The teacher's right answers, in the order of its journal.
    ///
    /// - Throws: ``DamagedFileError`` for a record that doesn't fit the teacher or the data; ``DataError`` when there
    ///   is no right answer.
    static func read(trajectories: FilePath, data: FilePath, _ teacher: ModelFolder) throws -> [AnswerRow] {
        let problems = try ProblemFile.read(data.appending("train.jsonl"))
        let prompts = Dictionary(
            problems.map { ($0.id, $0.prompt()) }, uniquingKeysWith: { first, _ in first })
        let path = trajectories.appending("trajectories.jsonl")
        let vocabulary = teacher.transformer.configuration.vocabulary
        let rows = try Journal.read(path).compactMap { line -> AnswerRow? in
            guard let record = TrajectoryRecord(line.value),
                record.response.allSatisfy({ (0..<vocabulary).contains(Int($0)) })
            else {
                throw DamagedFileError(
                    path, "the record of \(line.key) is no trajectory of the teacher's tokens.")
            }
            guard record.isCorrect else { return nil }
            guard let prompt = prompts[record.id] else {
                throw DamagedFileError(path, "there is no problem \(record.id) in the data set.")
            }
            return AnswerRow(record, prompt: teacher.tokenizer.ids(prompt), endToken: teacher.endToken)
        }
        guard !rows.isEmpty else {
            throw DataError(
                description: "the teacher got no problem right, so there is nothing to learn from; "
                    + "train it longer, or let it decode more prompts")
        }
        return rows
    }

    private init(_ record: TrajectoryRecord, prompt: [Int32], endToken: Int32) {
        let length = record.response.firstIndex(of: endToken).map { $0 + 1 } ?? record.response.count
        tokens = prompt + record.response
        promptLength = prompt.count
        fullLength = prompt.count + length
        trajectory = .init(
            states: Int(record.unmaskStep.max() ?? -1) + 1,
            unmaskStep: prompt.map { _ in 0 } + record.unmaskStep)
    }
}
