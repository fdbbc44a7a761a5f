internal import Documents
internal import JSON
internal import Numerics
internal import SystemPackage
internal import Training
internal import Transformers

extension GoldenLoss {
    /// LLaDA's pretraining and SFT losses with gradient norms.
    func sft() throws -> [CaseResult] {
        try cases("sft") { id, node in
            let name = try modelName(node)
            let parameters = FlatParameters(copying: try model(name))
            let gradient = try BatchGradient(parameters, threads: 1)
            return try [("pretrain", "masked_indices"), ("sft", "sft_masked_indices")].map { kind, masks in
                let batch = try sftBatch(node, noisy: "noisy_\(kind)", masks: masks, isSFT: kind == "sft")
                let loss = gradient.compute(batch).total
                let failure =
                    try Compare.number(
                        "\(kind)_loss", loss, try node.number("\(kind)_loss"),
                        absolute: lossAbsolute,
                        relative: lossRelative)
                    ?? gradientFailure(
                        gradient.gradient, node, norms: "\(kind)_grad_norms", prefix: "\(id).\(kind).grad.")
                return CaseResult(id: "\(id)/\(kind)", failure: failure)
            }
        }
    }

    func sftBatch(_ node: CaseNode, noisy: String, masks: String, isSFT: Bool) throws -> LossBatch {
        let rows = try node.rows("input_ids")
        let noisyRows = try node.rows(noisy)
        let maskRows = try node.rows(masks)
        let ratios = try node.numbers("p_mask_row")
        let prompts = try node.integers("prompt_lengths")
        let sequences = rows.indices.map { i -> TrainingSequence in
            let divisor =
                isSFT ? Double((rows[i].count - prompts[i]) * rows.count) : Double(rows[i].count * rows.count)
            let lossRows = maskRows[i].indices.filter { maskRows[i][$0] == 1 }.map {
                LossRow(row: $0, target: rows[i][$0], weight: Float(1 / ratios[i] / divisor))
            }
            return TrainingSequence(tokens: noisyRows[i], rows: lossRows)
        }
        return LossBatch(
            sequences: sequences, groups: [LossGroup("masked", crossEntropy: 1, normalization: .sum)])
    }
}
