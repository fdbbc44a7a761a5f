internal import Documents
internal import JSON
internal import SystemPackage
internal import Training
internal import Transformers

extension GoldenLoss {
    /// D2F's noise, loss and LoRA gradients: a block-causal student with an adapter against the bare model.
    func asymmetricDistillation() throws -> [CaseResult] {
        let d2f = try root.member("d2f")
        let base = try model(try modelName(d2f))
        // The file names the folder, and says in brackets that it is the one of the LoRA case.
        let name = String(try d2f.string("adapter").unicodeScalars.prefix { $0 != " " })
        let adapter = try LoRAAdapter(folder.path.appending(String(name)), for: base.configuration, family)
        let merged = FlatParameters(copying: base)
        adapter.merge(into: merged)
        return try d2f.identified("cases").map { id, node in
            do {
                return CaseResult(id: id, failure: try failure(id, node, base, adapter, merged))
            } catch {
                return CaseResult(id: id, failure: "\(error)")
            }
        }
    }

    private func failure(
        _ id: String, _ node: CaseNode, _ base: Transformer, _ adapter: LoRAAdapter, _ merged: FlatParameters
    ) throws -> String? {
        let objective = AsymmetricDistillation(blockLength: try node.integer("block_size"))
        let rows = try rows("input_ids", of: node, base.configuration)
        let prompts = try node.integers("prompt_lengths")
        guard prompts.count == rows.count else { throw node.problem("a row lacks its prompt length") }
        var draws = try ScriptedDraws(node)
        let noise = objective.noise(
            rows: rows, promptLengths: prompts, mask: try node.token("mask_id"), &draws)
        let teacher =
            try node.flag("self_align") ? objective.teacherDistributions(noise, teacher: base) : nil
        let batch = objective.batch(
            rows: rows, promptLengths: prompts, noise, base.configuration, teacher: teacher)
        let gradient = try AdapterGradient(base, adapter, threads: 1)
        return try draws.mismatch ?? noiseFailure(batch, node, rows: rows.count)
            ?? Compare.number(
                "loss", gradient.compute(batch).total, try node.number("loss"), absolute: lossAbsolute,
                relative: lossRelative)
            ?? loraGradientFailure(
                adapter, gradient.gradients, try node.member("grad_norms"), prefix: "\(id).grad.")
            ?? mergedFormFailure(adapter, gradient.gradients, merged, batch)
    }
}
