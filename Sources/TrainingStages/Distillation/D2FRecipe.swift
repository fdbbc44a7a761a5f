internal import ModelStages
internal import Numerics
internal import Recipes
internal import Training

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
