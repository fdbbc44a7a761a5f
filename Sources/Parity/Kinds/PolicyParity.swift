internal import Documents
internal import JSON
internal import Training
internal import Transformers

/// Recorded losses of DiffuCoder's coupled GRPO: advantages, estimates, the loss and its gradient.
struct PolicyLossParity: ParityKind {
    let name = "diffucoder/loss"
    let file = "loss_cgrpo.json"

    func run(_ folder: ParityFolder, _ tally: inout ParityTally) throws {
        let golden = try GoldenLoss(folder, DreamFamily.self, json: file, tensors: "loss_cgrpo.safetensors")
        let results = try golden.cases("cases") { id, node in
            [CaseResult(id: id, failure: try golden.policy(id, node))]
        }
        for result in results { tally.record(result.failure.map { "\(result.id): \($0)" }) }
    }
}

extension GoldenLoss {
    fileprivate func policy(_ id: String, _ node: CaseNode) throws -> String? {
        let model = try model(try node.string("model"))
        let parameters = try node.member("params")
        var objective = CoupledPolicy()
        objective.clipBelow = try parameters.number("epsilon_low")
        objective.clipAbove = try parameters.number("epsilon_high")
        objective.divergenceWeight = try parameters.number("beta")
        let mask = try node.token("mask_id")

        let (rewards, size) = (try node.numbers("rewards"), try parameters.integer("num_generations"))
        guard size > 1, !rewards.isEmpty, rewards.count % size == 0,
            rewards.count == (try node.numbers("advantages")).count
        else { throw node.problem("its rewards and advantages aren't those of whole groups") }
        let advantages = CoupledPolicy.advantages(
            rewards, groupSize: size, isScaled: try parameters.flag("scale_rewards"))
        let samples = try samples(node, model.configuration, iteration: try parameters.integer("iteration"))
        for (index, expected) in try node.numbers("advantages").enumerated() {
            let failure = Compare.number(
                "advantage \(index)", advantages[index], expected, absolute: 1e-6, relative: 1e-5)
            if let failure { return failure }
        }
        let allowed = root.node["tolerance"]?["logps_abs"]?.double ?? 1e-4
        let estimates = objective.estimates(samples, model: model, mask: mask)
        for (row, (found, expected)) in zip(
            estimates, try node.elements("per_token_logps").map { try $0.numbers() }
        ).enumerated() {
            guard found.count == expected.count else { return "row \(row) has \(found.count) estimates" }
            for (place, pair) in zip(found, expected).enumerated() {
                let failure = Compare.number(
                    "estimate \(place) of row \(row)", pair.0, pair.1, absolute: allowed)
                if let failure { return failure }
            }
        }
        let (batch, report) = objective.batch(samples, model: model, mask: mask)
        let gradient = try BatchGradient(FlatParameters(copying: model), threads: 1)
        _ = gradient.compute(batch)
        return try Compare.number(
            "loss", report.loss, try node.number("loss"), absolute: lossAbsolute, relative: lossRelative)
            ?? gradientFailure(gradient.gradient, node, norms: "grad_norms", prefix: "\(id).grad.")
            ?? probeFailure(gradient.gradient, node)
    }

    private func samples(
        _ node: CaseNode, _ configuration: TransformerConfiguration, iteration: Int
    ) throws -> [CoupledPolicy.Sample] {
        let prompts = try rows("prompt_ids", of: node, configuration)
        let completions = try rows("completion_ids", of: node, configuration)
        let counts = try node.rows("completion_mask")
        let advantages = try node.numbers("advantages")
        let pattern = try node.member("pattern_used")
        let weights = try pattern.numbers("weights")
        let masked = try pattern.rows("masked")
        func recorded(_ key: String) throws -> [[Double]]? {
            guard let value = node[key], !value.node.isNull else { return nil }
            return try value.elements().map { row in
                let iterations = try row.elements()
                guard iterations.indices.contains(iteration) else {
                    throw node.problem("\"\(key)\" lacks iteration \(iteration)")
                }
                return try iterations[iteration].numbers()
            }
        }
        let (written, reference) = (try recorded("old_per_token_logps"), try recorded("ref_per_token_logps"))
        let lists = [completions.count, counts.count, advantages.count, masked.count]
        guard lists.allSatisfy({ $0 == prompts.count }), weights.count == 3, weights[1] > 0,
            [written, reference].allSatisfy({ $0.map { $0.count == prompts.count } ?? true })
        else { throw node.problem("its lists don't have a row for each prompt") }
        return try prompts.indices.map { row in
            let (prompt, completion) = (prompts[row], completions[row])
            let estimates = [written?[row], reference?[row]].compactMap(\.self)
            guard !prompt.isEmpty, !completion.isEmpty, counts[row].count == completion.count,
                masked[row].count == prompt.count + completion.count,
                estimates.allSatisfy({ $0.count == completion.count })
            else { throw node.problem("row \(row) lacks flags or estimates") }
            var sample = CoupledPolicy.Sample(
                prompt: prompt, completion: completion, counts: counts[row].map { $0 == 1 },
                advantage: advantages[row], masked: masked[row].dropFirst(prompt.count).map { $0 == 1 },
                ratio: 1 / weights[1])
            (sample.written, sample.reference) = (written?[row], reference?[row])
            return sample
        }
    }
}
