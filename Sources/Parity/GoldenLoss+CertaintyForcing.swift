internal import Documents
internal import Training
internal import Transformers

extension GoldenLoss {
    /// dParallel's noise, loss terms and gradient norms.
    func certaintyForcing() throws -> [CaseResult] {
        try cases("dparallel") { id, node in
            let parameters = FlatParameters(copying: try model(try modelName(node)))
            let configuration = parameters.configuration
            let objective = CertaintyForcing(
                entropyWeight: Float(try node.number("entropy_weight")),
                temperature: Float(try node.number("temperature")),
                blockLength: isDream ? nil : try node.integer("block_size"))
            var draws = try ScriptedDraws(node)
            let rows = try rows("input_ids", of: node, configuration)
            let prompts = try node.integers("prompt_lengths")
            guard prompts.count == rows.count, Set(rows.map(\.count)).count == 1 else {
                throw node.problem("the rows of a case need one length and a prompt length each")
            }
            let batch = objective.batch(
                rows: rows, promptLengths: prompts, configuration, mask: try node.token("mask_id"), &draws)
            let gradient = try BatchGradient(parameters, threads: 1)
            let failure =
                try draws.mismatch ?? noiseFailure(batch, node, rows: rows.count)
                ?? lossFailure(gradient.compute(batch), try node.member("loss"))
                ?? gradientFailure(gradient.gradient, node, norms: "grad_norms", prefix: "\(id).grad.")
            return [CaseResult(id: id, failure: failure)]
        }
    }
}
