internal import ModelStages
internal import Numerics
internal import Recipes
internal import Training

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
