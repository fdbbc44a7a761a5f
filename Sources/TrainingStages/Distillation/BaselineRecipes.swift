internal import ModelStages
internal import Numerics
internal import Recipes
internal import Training

/// dParallel's certainty-forcing distillation: random masks, no trajectories.
struct DParallelRecipe: DistillationRecipe {
    let objective: CertaintyForcing
    let deviceBatch: Int

    init(_ fields: Fields) {
        objective = CertaintyForcing(
            entropyWeight: Float(
                fields.number(
                    "entropyWeight", default: 2, in: 0.0...,
                    "Factor on the entropy of right predictions; released code: 2 for LLaDA, 1 for Dream.")),
            temperature: Float(
                fields.number(
                    "temperature", default: 0.5, in: .above(0), "Temperature of the softmax in the entropy.")),
            blockLength: fields.optionalInteger(
                "blockLength", in: 1...65_536,
                "Length of the block that is masked (released code for LLaDA: 32); without it the whole response is, as "
                    + "in the code for Dream."),
            ratio: fields.number("ratio", default: 0.5, in: 0.0...1.0, "Share of the block that is masked."),
            maskDraws: fields.choice(
                "maskDraws", default: CertaintyForcing.MaskDraws.faithful,
                "faithful: as the released code, whose draw for a row overwrites the same columns of every row of its "
                    + "device's batch; corrected: each row has its own."))
        deviceBatch = fields.integer(
            "deviceBatch", default: 1, in: 1...65_536,
            "Rows whose masks are drawn together: the batch per device, 1 in the published training, where faithful and "
                + "corrected draws agree.")
    }

    func batch(_ step: DistillationStep) -> LossBatch {
        var draws = step.draws
        let parts = stride(from: 0, to: step.rows.count, by: deviceBatch).map { start in
            let rows = step.rows[start..<min(start + deviceBatch, step.rows.count)]
            // Rows that are drawn together are padded to one length, as a collator does.
            let length = rows.map(\.tokens.count).max() ?? 0
            return objective.batch(
                rows: rows.map {
                    $0.tokens
                        + Array(repeating: step.teacher.tokens.end, count: length - $0.tokens.count)
                },
                promptLengths: rows.map(\.promptLength), step.configuration, mask: step.teacher.maskToken,
                &draws)
        }
        var batch = parts[0]
        for part in parts.dropFirst() { batch.sequences += part.sequences }
        return batch
    }
}

/// D2F's asymmetric distillation: the student attends block-causally, the teacher to everything.
struct D2FRecipe: DistillationRecipe {
    enum Target: String, CaseIterable {
        case teacher
        case tokens
    }

    let objective: AsymmetricDistillation
    let target: Target

    init(_ fields: Fields) {
        objective = AsymmetricDistillation(
            blockLength: fields.integer(
                "blockLength", default: 16, in: 1...65_536,
                "Block of the student's attention and of the mask rates (the paper's: 16)."))
        target = fields.choice(
            "target", default: Target.teacher,
            "What the student learns: the teacher's distribution on the same noisy input, or the tokens.")
    }

    func batch(_ step: DistillationStep) -> LossBatch {
        var draws = step.draws
        let rows = step.rows.map(\.tokens)
        let prompts = step.rows.map(\.promptLength)
        let noise = objective.noise(
            rows: rows, promptLengths: prompts, mask: step.teacher.maskToken, &draws)
        let teacher =
            target == .teacher
            ? objective.teacherDistributions(
                noise, teacher: step.teacher.transformer, threads: step.threads) : nil
        return objective.batch(
            rows: rows, promptLengths: prompts, noise, step.configuration, teacher: teacher)
    }
}

/// RCD's training with residual context: random masks, whose inputs are mixed with what a frozen reference expects there.
struct RCDRecipe: DistillationRecipe {
    let objective: ResidualContext

    init(_ fields: Fields) {
        objective = ResidualContext(
            temperature: fields.number(
                "residualTemperature", default: 1, in: .above(0),
                "Temperature of the softmax whose entropy, over its largest value, is a residual's share of the input."
            ),
            flows: fields.flag(
                "embeddingFlow", default: true,
                "Whether the gradient flows through the expected embeddings into their table, which the paper leaves open."
            ))
    }

    func batch(_ step: DistillationStep) -> LossBatch {
        var draws = step.draws
        let rows = objective.noise(
            rows: step.rows.map(\.tokens), promptLengths: step.rows.map(\.promptLength), &draws)
        return objective.batch(
            rows, step.configuration, reference: step.teacher.transformer, mask: step.teacher.maskToken,
            threads: step.threads)
    }

    /// Half of a response is masked on the mean, and the reference sees the same.
    func load(response: Double) -> DistillationLoad {
        DistillationLoad(sequences: 1, lossRows: response / 2, hasEntropy: false, asksTeacher: true)
    }
}

/// TAD's distillation along trajectories: tokens that come next, and of those that come later the distribution of a teacher
/// that has read the answer (arXiv 2605.09536; BHmingyang/TAD at 5e2aaf8).
struct TADRecipe: DistillationRecipe {
    /// What stands before the response.
    enum TeacherReading: String, CaseIterable {
        case answer, empty, question
    }

    enum StudentReading: String, CaseIterable {
        case question, answer
    }

    let objective: TemporalDistillation
    let teacherReads: TeacherReading
    let studentReads: StudentReading

    init(_ fields: Fields) {
        objective = TemporalDistillation(
            reach: fields.integer(
                "reach", default: 8, in: 1...65_536,
                "Forwards ahead whose tokens are learned as such (released code: 8 for LLaDA, 6 for Dream); of what comes later the teacher's distribution is."
            ),
            temperature: Float(
                fields.number(
                    "temperature", default: 1, in: .above(0),
                    "Temperature of both softmaxes over what comes later.")),
            crossEntropy: Float(
                fields.number("crossEntropy", default: 1, in: 0.0..., "Factor on the tokens that come next.")),
            divergence: Float(
                fields.number("divergence", default: 1, in: 0.0..., "Factor on what comes later.")))
        teacherReads = fields.choice(
            "teacherReads", default: TeacherReading.answer,
            "What the teacher sees before the question: the reference answer, as the method is described; empty, its message without an answer, as the released scripts give it end to end; or question, nothing."
        )
        studentReads = fields.choice(
            "studentReads", default: StudentReading.question,
            "What the student's prompt is: the question, or the reference answer and the question, as the released records of math problems have it."
        )
    }

    var readings: AnswerRow.Readings {
        AnswerRow.Readings(
            teacher: [.answer: .answer, .empty: .emptyAnswer, .question: .question][teacherReads]
                ?? .question,
            student: studentReads == .answer ? .answer : .question)
    }

    func batch(_ step: DistillationStep) -> LossBatch {
        let examples = step.rows.enumerated().map { index, row in
            var draws = step.draws(.state, row: index)
            let response = row.promptLength..<row.tokens.count
            // All masks come before the states that a trajectory records.
            let last = row.trajectory.states
            let state = min(Int(draws.uniform(1)[0] * Double(last)), max(0, last - 1))
            let prompt = Array(row.tokens[..<row.promptLength])
            return objective.example(
                prompt: prompt, teacherPrompt: row.teacherPrompt ?? prompt,
                response: Array(row.tokens[response]),
                decided: row.trajectory.unmaskStep[response].map { $0 < 0 ? -1 : Int($0) + 1 },
                state: state, last: last, mask: step.teacher.maskToken)
        }
        let targets = objective.teacherDistributions(
            examples, teacher: step.teacher.transformer, threads: step.threads)
        return objective.batch(examples, step.configuration, teacher: targets)
    }

    /// Half of a response is masked on the mean; the teacher sees the same behind another prompt.
    func load(response: Double) -> DistillationLoad {
        DistillationLoad(sequences: 1, lossRows: response / 2, hasEntropy: false, asksTeacher: true)
    }
}
