internal import Documents
internal import JSON
internal import Numerics
internal import SystemPackage
internal import Training
internal import Transformers

extension GoldenLoss {
    /// Noise, loss terms and gradients of the d3LLM cases.
    func d3llm() throws -> [CaseResult] {
        try cases("d3llm") { id, node in
            let name = try node.string("model")
            let parameters = FlatParameters(copying: try model(name))
            let gradient = try BatchGradient(parameters, threads: 1)
            let built = try d3llmBatch(node, parameters.configuration)
            let failure =
                try built.failure
                ?? lossFailure(gradient.compute(built.batch), try node.member("loss"))
                ?? gradientFailure(gradient.gradient, node, norms: "grad_norms", prefix: "\(id).grad.")
            return [CaseResult(id: id, failure: failure)]
        }
    }

    /// The batch of a case and the first difference of its noise process from upstream's.
    func d3llmBatch(
        _ node: CaseNode, _ configuration: TransformerConfiguration
    ) throws -> (batch: LossBatch, failure: String?) {
        let rows = try rows("input_ids", of: node, configuration)
        let prompts = try node.integers("prompt_lengths")
        let lengths = try node.integers("full_lengths")
        let trajectories = try node["trajectories"]?.elements()
        let mask = try node.token("mask_id")
        var draws = try ScriptedDraws(node)
        let options = TrajectoryMask.Options(
            windowLength: try node.integer("block_size"),
            ratio: try node.number("mask_ratio"),
            order: try node.flag("use_naive_random_mask") ? .random : .trajectory, countsPadding: isDream,
            usesWholeResponse: try isDream && !node.flag("use_blockwise_loss"))
        guard prompts.count == rows.count, lengths.count == rows.count else {
            throw ParityError("a case has rows without lengths")
        }
        let windows = try rows.indices.map { i in
            var trajectory: TrajectoryMask.Trajectory?
            if let trajectories, trajectories.indices.contains(i), !trajectories[i].node.isNull {
                trajectory = .init(
                    states: try trajectories[i].integer("n_steps"),
                    unmaskStep: try trajectories[i].tokens("unmask_step"))
            }
            return TrajectoryMask.window(
                length: rows[i].count, promptLength: prompts[i], fullLength: lengths[i],
                trajectory: trajectory,
                options, &draws)
        }
        let objective = D3LLMObjective(
            entropyWeight: Float(try node.number("entropy_weight")),
            temperature: Float(try node.number("temperature")),
            usesComplement: try node.flag("use_complementary_loss"),
            usesComplementEntropy: isDream)
        let batch = objective.batch(rows: rows, windows: windows, configuration, mask: mask)
        return (batch, try draws.mismatch ?? noiseFailure(batch, node, rows: rows.count))
    }

    /// A batch from recorded noise, for cases that keep masks but no trajectories.
    func recordedBatch(_ node: CaseNode, _ configuration: TransformerConfiguration) throws -> LossBatch {
        let rows = try rows("input_ids", of: node, configuration)
        let shift = configuration.logitShift ? 1 : 0
        let weight = Float(try node.number("entropy_weight"))
        var groups = [LossGroup("masked", crossEntropy: 0.25, entropy: weight / 4)]
        var halves = [("noisy_batch", "masked_indices")]
        if try node.flag("use_complementary_loss") {
            groups.append(LossGroup("complement", crossEntropy: 0.25, entropy: isDream ? weight / 4 : 0))
            halves.append(("noisy_batch_rev", "masked_indices_rev"))
        }
        let sequences = try halves.enumerated().flatMap { group, half in
            let noisy = try node.rows(half.0)
            let masks = try node.rows(half.1)
            return zip(zip(rows, noisy), masks).map { pair, mask in
                TrainingSequence(
                    tokens: pair.1,
                    rows: mask.indices.filter { mask[$0] == 1 && $0 >= shift }.map {
                        LossRow(row: $0 - shift, target: pair.0[$0], group: group)
                    })
            }
        }
        return LossBatch(
            sequences: sequences, groups: groups,
            temperature: Float(try node.number("temperature")))
    }

    func noiseFailure(_ batch: LossBatch, _ node: CaseNode, rows: Int) throws -> String? {
        var expected = try node.rows("noisy_batch")
        if batch.sequences.count > rows {
            expected += try node.rows("noisy_batch_rev")
        }
        for (i, (sequence, tokens)) in zip(batch.sequences, expected).enumerated()
        where sequence.tokens != tokens {
            let position =
                zip(sequence.tokens, tokens).enumerated().first { $1.0 != $1.1 }?.offset ?? tokens.count
            return
                "noisy row \(i % rows)\(i >= rows ? " (complement)" : "") differs first at position \(position)"
        }
        return nil
    }

    /// Dream's training code differs from LLaDA's in how windows are counted and in the entropy of the complement.
    var isDream: Bool { family == DreamFamily.self }

    func lossFailure(_ report: LossReport, _ expected: CaseNode) throws -> String? {
        func check(_ name: String, _ found: Double) throws -> String? {
            guard let value = expected.node[name]?.double else { return nil }
            return Compare.number(name, found, value, absolute: lossAbsolute, relative: lossRelative)
        }
        return try check("ce_loss", report.groups[0].crossEntropy)
            ?? check("entropy_loss", report.groups[0].entropy)
            ?? check("ce_loss_rev", report.groups.count > 1 ? report.groups[1].crossEntropy : 0)
            ?? check("entropy_loss_rev", report.groups.count > 1 ? report.groups[1].entropy : 0)
            ?? check("total_loss", report.total)
    }
}

extension GoldenLoss {
    /// Logits and gradients of a model with a LoRA adapter.
    func lora() throws -> [CaseResult] {
        let node = try root.member("lora")
        let path = folder.path.appending(try node.string("adapter"))
        let base = try model(try modelName(node))
        let adapter = try LoRAAdapter(path, for: base.configuration, family)
        let matched = try node.elements("matched_modules").map { try $0.string() }
        let found = adapter.pairs.map { "base_model.model." + family.name(of: $0.role).dropLast(7) }
        var results = [
            CaseResult(
                id: "lora/modules",
                failure: Set(found) == Set(matched)
                    ? nil : "the adapter changes \(found.sorted()), upstream's \(matched.sorted())")
        ]

        let merged = FlatParameters(copying: base)
        let tolerance = root.node["tolerance"]?["lora_logits_abs"]?.double ?? 2e-4
        results.append(CaseResult(id: "lora/base", failure: try logits(base, "lora.logits_base", tolerance)))
        adapter.merge(into: merged)
        let model = try Transformer(over: merged)
        results.append(CaseResult(id: "lora/merged", failure: try logits(model, "lora.logits", tolerance)))

        let recorded = try node.member("case")
        let batch = try recordedBatch(recorded, merged.configuration)
        let gradient = try AdapterGradient(base, adapter, threads: 1)
        let report = gradient.compute(batch)
        let failure =
            try lossFailure(report, try recorded.member("loss"))
            ?? loraGradientFailure(
                adapter, gradient.gradients, try recorded.member("grad_norms"), prefix: "lora.grad.")
            ?? mergedFormFailure(adapter, gradient.gradients, merged, batch)
        results.append(CaseResult(id: "lora/gradients", failure: failure))
        return results
    }

    private func logits(_ model: Transformer, _ name: String, _ tolerance: Double) throws -> String? {
        let shape = try tensors.entry(named: "lora.input_ids").shape
        let ids = try tensors.integers("lora.input_ids").map { Int32(exactly: $0) ?? -1 }
        guard let length = shape.last, length > 0,
            ids.allSatisfy({ $0 >= 0 && $0 < model.configuration.vocabulary })
        else { throw ParityError("lora.input_ids doesn't hold rows of tokens that the model knows.") }
        let inputs = stride(from: 0, to: ids.count, by: length).map {
            ForwardInput(tokens: Array(ids[$0..<$0 + length]))
        }
        let found = model.logits(inputs, Workspace()).elements
        return Compare.elements(name, found, try values(name), tolerance: tolerance)
    }

    /// Whether the gradients of A and B are, to 1e-4 of the largest of their matrix, those that follow from the gradient of
    /// weights with the adapter in them.
    func mergedFormFailure(
        _ adapter: LoRAAdapter, _ gradients: [(a: Matrix, b: Matrix)], _ merged: FlatParameters,
        _ batch: LossBatch
    ) throws -> String? {
        let whole = try BatchGradient(merged, threads: 1)
        _ = whole.compute(batch)
        for (pair, (found, expected)) in zip(
            adapter.pairs, zip(gradients, adapter.gradients(from: whole.gradient)))
        {
            for (half, found, expected) in [("A", found.a, expected.a), ("B", found.b, expected.b)] {
                let reference = expected.elements
                let scale = Double(reference.map(abs).max() ?? 0)
                let failure = Compare.elements(
                    "gradient of \(half) of \(family.name(of: pair.role)), apart and merged", found.elements,
                    reference, tolerance: 1e-4 * scale)
                if let failure { return failure }
            }
        }
        return nil
    }

    /// Norms of the gradients of A and B, and those gradients that are stored in full under `prefix`.
    ///
    /// - Parameters:
    ///   - base: What the names of modules begin with.
    ///   - ending: What the names of A and B end with.
    func loraGradientFailure(
        _ adapter: LoRAAdapter, _ gradients: [(a: Matrix, b: Matrix)], _ norms: CaseNode, prefix: String,
        base: String = "base_model.model.", ending: String = ".default.weight"
    ) throws -> String? {
        let total = (norms.node.members ?? []).reduce(0) {
            $0 + ($1.value.double ?? 0) * ($1.value.double ?? 0)
        }
        .squareRoot()
        for (pair, gradient) in zip(adapter.pairs, gradients) {
            let module = base + family.name(of: pair.role).dropLast(7)
            for (half, matrix) in [("lora_A", gradient.a), ("lora_B", gradient.b)] {
                let name = "\(module).\(half)\(ending)"
                let elements = matrix.elements
                let norm = elements.withUnsafeBufferPointer { Kernels.sumOfSquares($0) }.squareRoot()
                let failure = Compare.number(
                    "gradient norm of \(name)", norm, try norms.number(name), absolute: 1e-5 * total,
                    relative: 1e-3)
                if let failure { return failure }
                guard tensors.entries[prefix + name] != nil else { continue }
                let reference = try values(prefix + name)
                let scale = Double(reference.map(abs).max() ?? 0)
                let difference = Compare.elements(
                    "gradient of \(name)", elements, reference, tolerance: 1e-3 * scale + 1e-5 * total)
                if let difference { return difference }
            }
        }
        return nil
    }
}

extension GoldenLoss {
    /// TAD's loss with gradients, of this family's cases: of all parameters, or of an adapter over the teacher.
    func temporalDistillation() throws -> [CaseResult] {
        try cases("cases") { id, node in
            let name = try node.string("model")
            let isDreams = try folder.family(ofModel: name) == "dream"
            guard isDreams == isDream else { return [] }
            let base = try model(name)
            let teacher = try model(try node.string("teacher"))
            let objective = TemporalDistillation(
                reach: try node.integer("delta"), temperature: Float(try node.number("tau")),
                crossEntropy: Float(try node.number("lambda_ce")),
                divergence: Float(try node.number("lambda_kl")))
            let examples = try examples(node, base.configuration)
            let targets = objective.teacherDistributions(examples, teacher: teacher)
            let batch = objective.batch(examples, base.configuration, teacher: targets)
            let prefix = "\(id).grad."
            let failure: String?
            if let adapter = node.node["adapter"]?.string {
                let adapter = try LoRAAdapter(
                    try folder.folder(ofModel: adapter), for: base.configuration, family)
                let gradient = try AdapterGradient(base, adapter, threads: 1)
                failure =
                    try temporalFailure(gradient.compute(batch), node)
                    ?? loraGradientFailure(
                        adapter, gradient.gradients, try node.member("grad_norms"), prefix: prefix, base: "",
                        ending: ".weight")
            } else {
                let gradient = try BatchGradient(FlatParameters(copying: base), threads: 1)
                failure =
                    try temporalFailure(gradient.compute(batch), node)
                    ?? gradientFailure(gradient.gradient, node, norms: "grad_norms", prefix: prefix)
            }
            return [CaseResult(id: id, failure: failure)]
        }
    }

    /// The rows of a case: what student and teacher see, and which positions are near and far.
    private func examples(
        _ node: CaseNode, _ configuration: TransformerConfiguration
    ) throws -> [TemporalDistillation.Example] {
        let tokens = try rows("student_input_ids", of: node, configuration)
        let teacherTokens = try rows("teacher_input_ids", of: node, configuration)
        let (labels, near) = (try node.rows("labels"), try node.rows("ce_mask"))
        let (far, teacherFar) = (try node.rows("kl_mask"), try node.rows("teacher_kl_mask"))
        guard [teacherTokens, labels, near, far, teacherFar].allSatisfy({ $0.count == tokens.count }) else {
            throw node.problem("the lists of a case have different numbers of rows")
        }
        return try tokens.indices.map { row in
            func positions(_ mask: [Int32]) -> [Int] { mask.indices.filter { mask[$0] == 1 } }
            let (own, others) = (positions(far[row]), positions(teacherFar[row]))
            let offset = (others.first ?? 0) - (own.first ?? 0)
            guard others == own.map({ $0 + offset }), labels[row].count == near[row].count else {
                throw node.problem("row \(row) has other far positions for the teacher than for the student")
            }
            return TemporalDistillation.Example(
                tokens: tokens[row], teacherTokens: teacherTokens[row], teacherOffset: offset,
                near: Dictionary(uniqueKeysWithValues: positions(near[row]).map { ($0, labels[row][$0]) }),
                far: own)
        }
    }

    private func temporalFailure(_ report: LossReport, _ node: CaseNode) throws -> String? {
        let expected = try node.member("loss")
        func check(_ name: String, _ found: Double) throws -> String? {
            Compare.number(
                name, found, try expected.number(name), absolute: lossAbsolute, relative: lossRelative)
        }
        // The recorded divergence has the factor τ² in it.
        let temperature = try node.number("tau")
        return try check("loss_ce", report.groups[0].crossEntropy)
            ?? check("loss_kl", report.groups[1].crossEntropy * temperature * temperature)
            ?? check("total_loss", report.total)
    }
}
