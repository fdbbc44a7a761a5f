internal import ArtifactStore
internal import DataStages
internal import DecodingStages
internal import Evaluation
internal import JSON
internal import ModelStages
internal import Numerics
import Runs
internal import StageBasics
internal import SystemPackage
internal import Training
internal import Transformers

/// A prompt with the teacher's answer, ready to be masked.
package struct AnswerRow {
    /// What stands before an answer.
    package enum Reading: Sendable, Hashable {
        case question
        /// The reference answer, then the question.
        case answer
        /// The same message with no answer in it.
        case emptyAnswer
    }

    /// What stands before an answer for each.
    package struct Readings: Sendable, Hashable {
        package var teacher = Reading.question
        package var student = Reading.question
    }

    /// Prompt, then response with its padding.
    let tokens: [Int32]
    let promptLength: Int
    /// Prompt and response up to and including the first end token.
    let fullLength: Int
    let trajectory: TrajectoryMask.Trajectory
    /// Its place among the answers.
    let index: Int
    /// What the teacher sees before the response; nil where that is the prompt.
    var teacherPrompt: [Int32]?

    init(
        tokens: [Int32], promptLength: Int, fullLength: Int, trajectory: TrajectoryMask.Trajectory, index: Int
    ) {
        self.tokens = tokens
        self.promptLength = promptLength
        self.fullLength = fullLength
        self.trajectory = trajectory
        self.index = index
    }

    /// A random order of the answer's positions, as a number for each: the same at every step of a training.
    func orderKeys(seed: UInt64) -> [Double] {
        var draws = RandomStream(seed: seed, purpose: "distill/positions", sample: UInt64(index))
        return draws.uniform(tokens.count)
    }

    /// The answers that a student learns from, in the order of their journal: right ones, and imported ones.
    ///
    /// - Parameter data: The data set of the prompts; nil where answers were imported with theirs.
    /// - Throws: ``DamagedFileError`` for a record that doesn't fit the teacher or the data; ``DataError`` when there
    ///   is no answer, or a prompt is nowhere.
    static func read(
        trajectories: FilePath, data: DataSet?, _ teacher: LoadedModel, readings: Readings = Readings()
    ) throws -> [AnswerRow] {
        let questions = Dictionary(
            try data?.items(.train).map { ($0.id, $0) } ?? [], uniquingKeysWith: { first, _ in first })
        let path = TrajectoriesStage.journal(of: trajectories)
        let tokens = 0..<Int32(clamping: teacher.configuration.vocabulary)
        var rows: [AnswerRow] = []
        try Journal.forEach(path) { line in
            guard let record = TrajectoryRecord(line.value),
                (record.response + (record.prompt ?? [])).allSatisfy(tokens.contains)
            else {
                throw DamagedFileError(
                    path, "the record of \(line.key) is no trajectory of the teacher's tokens.")
            }
            guard record.isUsed else { return }
            let item = questions[record.id]
            func prompt(_ reading: Reading) throws -> [Int32]? {
                let (encoder, room) = (teacher.encoder, record.response.count)
                guard reading != .question else {
                    return try record.prompt ?? item.map { try encoder.prompt($0, room: room) }
                }
                guard let item else {
                    guard data == nil else { return nil }
                    throw DataError(
                        description:
                            "The recipe shows reference answers, which the trajectories don't hold, so the stage needs \"data\": the data set that they come from."
                    )
                }
                let answer = reading == .answer ? item.reference : ""
                return try encoder.prompt(item, reading: answer, room: room)
            }
            let teacherPrompt = readings.teacher == readings.student ? nil : try prompt(readings.teacher)
            if let prompt = try prompt(readings.student) {
                let length = prompt.count + record.response.count
                guard length <= teacher.configuration.maximumPositions else {
                    throw DamagedFileError(
                        path,
                        "the record of \(line.key) has \(length) tokens with its prompt, and the teacher \(teacher.configuration.maximumPositions) positions."
                    )
                }
                var row = AnswerRow(
                    record, prompt: prompt, endToken: teacher.tokens.end, index: rows.count)
                row.teacherPrompt = teacherPrompt
                rows.append(row)
            } else if data != nil {
                throw DamagedFileError(path, "there is no problem \(record.id) in the data set.")
            } else {
                throw DataError(
                    description:
                        "The trajectories don't hold their prompts, so the stage needs \"data\": the data set that they come from."
                )
            }
        }
        guard !rows.isEmpty else {
            throw DataError(
                description: "the teacher got no problem right, so there is nothing to learn from; "
                    + "train it longer, or let it decode more prompts")
        }
        return rows
    }

    private init(_ record: TrajectoryRecord, prompt: [Int32], endToken: Int32, index: Int) {
        let length = record.response.firstIndex(of: endToken).map { $0 + 1 } ?? record.response.count
        tokens = prompt + record.response
        self.index = index
        promptLength = prompt.count
        fullLength = prompt.count + length
        trajectory = .init(
            states: Int(record.unmaskStep.max() ?? -1) + 1,
            unmaskStep: prompt.map { _ in 0 } + record.unmaskStep)
    }
}
