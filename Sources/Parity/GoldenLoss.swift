internal import Decoding
internal import Documents
internal import Files
internal import JSON
internal import Numerics
internal import SystemPackage
internal import Training
internal import Transformers

/// Losses, noise processes, gradients and optimiser steps recorded from upstream's training code.
struct GoldenLoss {
    let folder: ParityFolder
    let root: CaseNode
    let family: any ModelFamily.Type
    let tensors: SafetensorsFile
    let lossAbsolute: Double
    let lossRelative: Double

    init(_ folder: ParityFolder, _ family: any ModelFamily.Type, json: String, tensors: String) throws {
        self.folder = folder
        self.family = family
        root = try folder.cases(of: json)
        self.tensors = try SafetensorsFile(folder.path.appending(tensors))
        lossAbsolute =
            root.node["tolerance"]?["loss_abs"]?.double ?? root.node["tolerance"]?["loss"]?.double ?? 2e-5
        lossRelative = root.node["tolerance"]?["loss_rel"]?.double ?? 2e-5
    }

    func model(_ name: String) throws -> Transformer { try folder.model(name) }

    /// The model of a case; one that names none uses the model of the optimiser's steps.
    func modelName(_ node: CaseNode) throws -> String {
        for place in [node, root["adamw"]] {
            if let place, place["model"] != nil { return try place.string("model") }
        }
        return try node.string("model")
    }

    /// Rows of tokens that the model knows.
    func rows(_ key: String, of node: CaseNode, _ configuration: TransformerConfiguration) throws -> [[Int32]]
    {
        let rows = try node.rows(key)
        guard let wrong = rows.joined().first(where: { $0 < 0 || Int($0) >= configuration.vocabulary }) else {
            return rows
        }
        throw node.problem("\"\(key)\" holds the token \(wrong), which the model doesn't know")
    }

    /// Runs every case of a list; what keeps one from being run is its failure.
    func cases(_ key: String, _ run: (String, CaseNode) throws -> [CaseResult]) throws -> [CaseResult] {
        try root.identified(key).flatMap { id, node in
            do { return try run(id, node) } catch { return [CaseResult(id: id, failure: "\(error)")] }
        }
    }

    func values(_ name: String) throws -> [Float] {
        let entry = try tensors.entry(named: name)
        return try tensors.matrix(name, shape: entry.shape, rows: 1, columns: entry.count).elements
    }

    /// Norms of every gradient, and those gradients that are stored in full.
    func gradientFailure(
        _ gradient: FlatParameters, _ node: CaseNode, norms: String, prefix: String
    ) throws -> String? {
        let expected = try node.member(norms).get("an object") { $0.members }
        let total = expected.reduce(0) { $0 + pow2($1.value.double ?? 0) }.squareRoot()
        let indices = Dictionary(
            uniqueKeysWithValues: gradient.specifications.enumerated().map {
                (family.name(of: $1.specification.role), $0)
            })
        for member in expected {
            guard let index = indices[member.key] else { return "there is no gradient of \(member.key)" }
            let elements = gradient.elements(of: index)
            let norm = Kernels.sumOfSquares(UnsafeBufferPointer(elements)).squareRoot()
            let failure = Compare.number(
                "gradient norm of \(member.key)", norm, member.value.double ?? 0, absolute: 1e-5 * total,
                relative: 1e-3)
            if let failure { return failure }
            guard tensors.entries[prefix + member.key] != nil else { continue }
            let reference = try values(prefix + member.key)
            guard reference.count == elements.count else {
                return "gradient of \(member.key) has another size"
            }
            let difference = zip(elements, reference).reduce(0) { $0 + pow2(Double($1.0) - Double($1.1)) }
                .squareRoot()
            let allowed = 1e-3 * reference.reduce(0) { $0 + pow2(Double($1)) }.squareRoot() + 1e-5 * total
            if difference > allowed {
                return "gradient of \(member.key) differs by L2 \(difference), tolerance \(allowed)"
            }
        }
        return nil
    }
}

private func pow2(_ x: Double) -> Double { x * x }

extension GoldenLoss {
    /// Products of each gradient with three vectors of ±1, whose signs are the top bits of a SplitMix64 stream named by the tensor.
    func probeFailure(_ gradient: FlatParameters, _ node: CaseNode) throws -> String? {
        let probes = try node.member("grad_probes")
        let total = try node.number("total_grad_norm")
        for (index, specification) in gradient.specifications.enumerated() {
            let name = family.name(of: specification.specification.role)
            guard let recorded = probes.node[name]?.array?.compactMap(\.double) else { continue }
            let elements = gradient.elements(of: index)
            let norm = Kernels.sumOfSquares(UnsafeBufferPointer(elements)).squareRoot()
            for (number, expected) in recorded.enumerated() {
                let stream = SplitMix64(fnv(name) &+ UInt64(number))
                let found = elements.enumerated().reduce(0.0) { sum, element in
                    let (index, value) = (element.offset, Double(element.element))
                    return stream.number(index) >> 63 == 1 ? sum + value : sum - value
                }
                let allowed = 6 * (1e-3 * norm + 1e-5 * total)
                if abs(found - expected) > allowed {
                    return "probe \(number) of the gradient of \(name) is \(found), expected \(expected)"
                }
            }
        }
        return nil
    }

    private func fnv(_ name: String) -> UInt64 {
        name.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    }
}

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

extension GoldenLoss {
    /// Window lengths, lower bounds of the mask ratio, and trajectory states.
    func schedules() throws -> [CaseResult] {
        var results: [CaseResult] = []
        for (i, node) in try (root["block_size_schedule"]?.elements() ?? []).enumerated() {
            let found = Curriculum.windowLength(
                try node.integers("progressive_block_sizes"),
                epoch: node["epoch"] == nil ? nil : try node.number("epoch"))
            let expected = try node.integer("block_size")
            results.append(
                CaseResult(
                    id: "window/\(i)", failure: found == expected ? nil : "is \(found), expected \(expected)")
            )
        }
        for (i, node) in try (root["mask_ratio_schedule"]?.elements() ?? []).enumerated() {
            let found = Curriculum.ratioLowerBound(
                step: try node.integer("global_step"), of: try node.integer("max_steps"),
                minimum: try node.number("min"), maximum: try node.number("max"))
            results.append(
                CaseResult(
                    id: "mask-ratio/\(i)",
                    failure: Compare.number(
                        "lower bound", found, try node.number("lower_bound"), absolute: 1e-12)))
        }
        for (i, node) in try (root["select_trajectory"]?.elements() ?? []).enumerated() {
            let found = TrajectoryMask.stateIndex(
                ratio: try node.number("ratio"), start: try node.integer("block_start"),
                end: try node.integer("block_end"), states: try node.integer("n_states"))
            let expected = try node.integer("index")
            results.append(
                CaseResult(
                    id: "state/\(i)", failure: found == expected ? nil : "is \(found), expected \(expected)"))
        }
        return results
    }
}

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

extension GoldenLoss {
    /// Three clipped AdamW steps; compares each loss, each gradient norm and the final change of the parameters.
    func adamW() throws -> [CaseResult] {
        let node = try root.member("adamw")
        let name = try node.string("model")
        let start = try model(name)
        let parameters = FlatParameters(copying: start)
        let decaying = Set(try node.elements("decay_parameters").map { try $0.string() })
        let betas = try node.numbers("betas")
        guard betas.count == 2 else { throw ParityError("adamw needs two betas") }
        var ruleFailure: String?
        let optimizer = AdamW(
            parameters.configuration,
            .init(
                learningRate: try node.number("lr"), beta1: betas[0], beta2: betas[1],
                epsilon: try node.number("eps"),
                decay: try node.number("weight_decay"))
        ) { specification in
            let name = family.name(of: specification.role)
            let decays = WeightDecayRule.upstream.decays(specification, name: name)
            if decays != decaying.contains(name) { ruleFailure = "\(name): weight decay is \(decays)" }
            return decays
        }
        let gradient = try BatchGradient(parameters, threads: 1)
        let maximum = try node.number("max_grad_norm")
        var results = [CaseResult(id: "adamw/decay-groups", failure: ruleFailure)]
        for (i, step) in try node.elements("steps").enumerated() {
            let report = gradient.compute(try recordedBatch(step, parameters.configuration))
            let norm = GradientClipping.norm(gradient.gradient.buffer)
            let failure =
                try lossFailure(report, try step.member("loss"))
                ?? Compare.number(
                    "gradient norm", norm, try step.number("grad_norm_before_clip"),
                    absolute: 1e-5,
                    relative: 1e-3)
            results.append(CaseResult(id: "adamw/step\(i)", failure: failure))
            optimizer.step(
                parameters, gradient.gradient,
                gradientScale: GradientClipping.scale(norm: norm, maximum: maximum),
                factor: 1)
        }
        let tolerances = node.node["tolerance_delta_rel_l2_per_tensor"]
        for (index, (specification, _)) in parameters.specifications.enumerated() {
            let name = family.name(of: specification.role)
            let before = start.parameter(specification.role).elements
            let after = Array(parameters.elements(of: index))
            let expected = try values("adamw.final.\(name)")
            guard expected.count == after.count else {
                throw ParityError("\(name) has another size")
            }
            var (difference, change) = (0.0, 0.0)
            for i in after.indices {
                difference +=
                    (Double(after[i]) - Double(expected[i])) * (Double(after[i]) - Double(expected[i]))
                change +=
                    (Double(expected[i]) - Double(before[i])) * (Double(expected[i]) - Double(before[i]))
            }
            let relative = change > 0 ? (difference / change).squareRoot() : difference.squareRoot()
            let tolerance = tolerances?[name]?.double ?? 0.01
            results.append(
                CaseResult(
                    id: "adamw/final/\(name)",
                    failure: relative <= tolerance
                        ? nil : "relative L2 of the change is \(relative), tolerance \(tolerance)"))
        }
        return results
    }
}
