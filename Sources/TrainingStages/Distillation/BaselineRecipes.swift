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
