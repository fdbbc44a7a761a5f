internal import Files
internal import JSON
internal import Numerics
internal import SystemPackage
internal import Training
internal import Transformers

/// Draws that upstream's run made, in its order.
struct ScriptedDraws: DrawSource {
    private var integers: [(low: Int, high: Int, value: Int)]
    private var uniforms: [[Double]]
    /// Whether a draw was asked for that upstream didn't make.
    private(set) var mismatch: String?

    init(_ node: JSONNode) throws {
        integers = try node.required("randint_calls", \.array).compactMap { call in
            guard let v = call.integers, v.count == 3 else { return nil }
            return (v[0], v[1], v[2])
        }
        uniforms = try node.required("rand_values", \.array).map { $0.flatNumbers }
    }

    mutating func integer(_ low: Int, _ high: Int) -> Int {
        guard !integers.isEmpty else {
            mismatch = mismatch ?? "a window was drawn from \(low)...\(high) where upstream drew none"
            return low
        }
        let call = integers.removeFirst()
        if call.low != low || call.high != high {
            mismatch =
                mismatch
                ?? "a window was drawn from \(low)...\(high), upstream from \(call.low)...\(call.high)"
        }
        return call.value
    }

    mutating func uniform(_ count: Int) -> [Double] {
        guard let values = uniforms.first, values.count == count else {
            mismatch =
                mismatch ?? "\(count) uniform numbers were drawn, upstream drew \(uniforms.first?.count ?? 0)"
            return Array(repeating: 0, count: count)
        }
        uniforms.removeFirst()
        return values
    }
}

extension JSONNode {
    /// All numbers of nested arrays, in order.
    fileprivate var flatNumbers: [Double] {
        array.map { $0.flatMap(\.flatNumbers) } ?? double.map { [$0] } ?? []
    }
}

/// Losses, noise processes, gradients and optimiser steps recorded from upstream's training code.
struct GoldenLoss {
    private let folder: FilePath
    private let root: JSONNode
    private let tensors: SafetensorsFile
    private let lossAbsolute: Double
    private let lossRelative: Double

    init(folder: FilePath, json: FilePath, tensors: FilePath) throws {
        self.folder = folder
        root = try JSONDocument(parsing: FileSystem.read(json), name: json.string).root
        self.tensors = try SafetensorsFile(tensors)
        lossAbsolute = root["tolerance"]?["loss_abs"]?.double ?? 2e-5
        lossRelative = root["tolerance"]?["loss_rel"]?.double ?? 2e-5
    }

    // MARK: - d3LLM loss

    /// Noise, loss terms and gradients of the d3LLM cases.
    func d3llm() throws -> [CaseResult] {
        try (root["d3llm"]?.array ?? []).map { node in
            let id = try node.required("id", \.string)
            let name = try node.required("model", \.string)
            let parameters = FlatParameters(copying: try model(name))
            let gradient = try BatchGradient(parameters, threads: 1)
            let built = try d3llmBatch(node, parameters.configuration)
            let failure =
                try built.failure
                ?? lossFailure(gradient.compute(built.batch), try node.required("loss", { $0 }))
                ?? gradientFailure(gradient.gradient, node, norms: "grad_norms", prefix: "\(id).grad.")
            return CaseResult(id: id, failure: failure)
        }
    }

    /// The batch of a case and the first difference of its noise process from upstream's.
    private func d3llmBatch(
        _ node: JSONNode, _ configuration: TransformerConfiguration
    ) throws -> (batch: LossBatch, failure: String?) {
        let rows = try node.required("input_ids", \.array).map { $0.tokens ?? [] }
        let prompts = try node.required("prompt_lengths", \.integers)
        let lengths = try node.required("full_lengths", \.integers)
        let trajectories = node["trajectories"]?.array
        let mask = Int32(try node.required("mask_id", \.int))
        var draws = try ScriptedDraws(node)
        let options = TrajectoryMask.Options(
            windowLength: try node.required("block_size", \.int),
            ratio: try node.required("mask_ratio", \.double),
            usesRandomMask: try node.required("use_naive_random_mask", \.bool))
        guard prompts.count == rows.count, lengths.count == rows.count else {
            throw GoldenFormatError(description: "a case has rows without lengths")
        }
        let windows = try rows.indices.map { i in
            var trajectory: TrajectoryMask.Trajectory?
            if let trajectories, trajectories.indices.contains(i), !trajectories[i].isNull {
                trajectory = .init(
                    states: try trajectories[i].required("n_steps", \.int),
                    unmaskStep: try trajectories[i].required("unmask_step", \.tokens))
            }
            return TrajectoryMask.window(
                length: rows[i].count, promptLength: prompts[i], fullLength: lengths[i],
                trajectory: trajectory,
                options, &draws)
        }
        let objective = D3LLMObjective(
            entropyWeight: Float(try node.required("entropy_weight", \.double)),
            temperature: Float(try node.required("temperature", \.double)),
            usesComplement: try node.required("use_complementary_loss", \.bool),
            usesComplementEntropy: false)
        let batch = objective.batch(rows: rows, windows: windows, configuration, mask: mask)
        return (batch, try draws.mismatch ?? noiseFailure(batch, node, rows: rows.count))
    }

    /// A batch from recorded noise, for cases that keep masks but no trajectories.
    private func recordedBatch(_ node: JSONNode) throws -> LossBatch {
        let rows = try node.required("input_ids", \.array).map { $0.tokens ?? [] }
        let weight = Float(try node.required("entropy_weight", \.double))
        var groups = [LossGroup("masked", crossEntropy: 0.25, entropy: weight / 4)]
        var halves = [("noisy_batch", "masked_indices")]
        if try node.required("use_complementary_loss", \.bool) {
            groups.append(LossGroup("complement", crossEntropy: 0.25))
            halves.append(("noisy_batch_rev", "masked_indices_rev"))
        }
        let sequences = try halves.enumerated().flatMap { group, half in
            let noisy = try node.required(half.0, \.array).map { $0.tokens ?? [] }
            let masks = try node.required(half.1, \.array).map { $0.integers ?? [] }
            return zip(zip(rows, noisy), masks).map { pair, mask in
                TrainingSequence(
                    tokens: pair.1,
                    rows: mask.indices.filter { mask[$0] == 1 }.map {
                        LossRow(row: $0, target: pair.0[$0], group: group)
                    })
            }
        }
        return LossBatch(
            sequences: sequences, groups: groups,
            temperature: Float(try node.required("temperature", \.double)))
    }

    private func noiseFailure(_ batch: LossBatch, _ node: JSONNode, rows: Int) throws -> String? {
        var expected = try node.required("noisy_batch", \.array).map { $0.tokens ?? [] }
        if batch.sequences.count > rows {
            expected += (node["noisy_batch_rev"]?.array ?? []).map { $0.tokens ?? [] }
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

    private func lossFailure(_ report: LossReport, _ expected: JSONNode) throws -> String? {
        func check(_ name: String, _ found: Double) throws -> String? {
            guard let value = expected[name]?.double else { return nil }
            return Compare.number(name, found, value, absolute: lossAbsolute, relative: lossRelative)
        }
        return try check("ce_loss", report.groups[0].crossEntropy)
            ?? check("entropy_loss", report.groups[0].entropy)
            ?? check("ce_loss_rev", report.groups.count > 1 ? report.groups[1].crossEntropy : 0)
            ?? check("total_loss", report.total)
    }

    // MARK: - Pretraining and SFT

    /// LLaDA's pretraining and SFT losses with gradient norms.
    func sft() throws -> [CaseResult] {
        try (root["sft"]?.array ?? []).flatMap { node -> [CaseResult] in
            let id = try node.required("id", \.string)
            let name = node["model"]?.string ?? "llada_a"
            let parameters = FlatParameters(copying: try model(name))
            let gradient = try BatchGradient(parameters, threads: 1)
            return try [("pretrain", "masked_indices"), ("sft", "sft_masked_indices")].map { kind, masks in
                let batch = try sftBatch(node, noisy: "noisy_\(kind)", masks: masks, isSFT: kind == "sft")
                let loss = gradient.compute(batch).total
                let failure =
                    try Compare.number(
                        "\(kind)_loss", loss, try node.required("\(kind)_loss", \.double),
                        absolute: lossAbsolute,
                        relative: lossRelative)
                    ?? gradientFailure(
                        gradient.gradient, node, norms: "\(kind)_grad_norms", prefix: "\(id).\(kind).grad.")
                return CaseResult(id: "\(id)/\(kind)", failure: failure)
            }
        }
    }

    private func sftBatch(_ node: JSONNode, noisy: String, masks: String, isSFT: Bool) throws -> LossBatch {
        let rows = try node.required("input_ids", \.array).map { $0.tokens ?? [] }
        let noisyRows = try node.required(noisy, \.array).map { $0.tokens ?? [] }
        let maskRows = try node.required(masks, \.array).map { $0.integers ?? [] }
        let ratios = try node.required("p_mask_row", \.array).map { $0.double ?? 1 }
        let prompts = try node.required("prompt_lengths", \.integers)
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

    // MARK: - AdamW

    /// Three clipped AdamW steps; compares each loss, each gradient norm and the final change of the parameters.
    func adamW() throws -> [CaseResult] {
        guard let node = root["adamw"] else { return [] }
        let name = try node.required("model", \.string)
        let start = try model(name)
        let parameters = FlatParameters(copying: start)
        let decaying = Set(try node.required("decay_parameters", \.array).compactMap(\.string))
        let betas = try node.required("betas", \.array).compactMap(\.double)
        guard betas.count == 2 else { throw GoldenFormatError(description: "adamw needs two betas") }
        var ruleFailure: String?
        let optimizer = AdamW(
            parameters.configuration,
            .init(
                learningRate: try node.required("lr", \.double), beta1: betas[0], beta2: betas[1],
                epsilon: try node.required("eps", \.double),
                decay: try node.required("weight_decay", \.double))
        ) { specification in
            let name = LLaDAFamily.name(of: specification.role)
            let decays = WeightDecayRule.upstream.decays(specification, name: name)
            if decays != decaying.contains(name) { ruleFailure = "\(name): weight decay is \(decays)" }
            return decays
        }
        let gradient = try BatchGradient(parameters, threads: 1)
        let maximum = try node.required("max_grad_norm", \.double)
        var results = [CaseResult(id: "adamw/decay-groups", failure: ruleFailure)]
        for (i, step) in try node.required("steps", \.array).enumerated() {
            let report = gradient.compute(try recordedBatch(step))
            let norm = GradientClipping.norm(gradient.gradient)
            let failure =
                try lossFailure(report, try step.required("loss", { $0 }))
                ?? Compare.number(
                    "gradient norm", norm, try step.required("grad_norm_before_clip", \.double),
                    absolute: 1e-5,
                    relative: 1e-3)
            results.append(CaseResult(id: "adamw/step\(i)", failure: failure))
            optimizer.step(
                parameters, gradient.gradient,
                gradientScale: GradientClipping.scale(norm: norm, maximum: maximum),
                factor: 1)
        }
        let tolerances = node["tolerance_delta_rel_l2_per_tensor"]
        for (index, (specification, _)) in parameters.specifications.enumerated() {
            let name = LLaDAFamily.name(of: specification.role)
            let before = start.parameter(specification.role).elements
            let after = Array(parameters.elements(of: index))
            let expected = try values("adamw.final.\(name)")
            guard expected.count == after.count else {
                throw GoldenFormatError(description: "\(name) has another size")
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

    // MARK: - Schedules

    /// Window lengths, lower bounds of the mask ratio, and trajectory states.
    func schedules() throws -> [CaseResult] {
        var results: [CaseResult] = []
        for (i, node) in (root["block_size_schedule"]?.array ?? []).enumerated() {
            let found = Curriculum.windowLength(
                try node.required("progressive_block_sizes", \.integers), epoch: node["epoch"]?.double)
            let expected = try node.required("block_size", \.int)
            results.append(
                CaseResult(
                    id: "window/\(i)", failure: found == expected ? nil : "is \(found), expected \(expected)")
            )
        }
        for (i, node) in (root["mask_ratio_schedule"]?.array ?? []).enumerated() {
            let found = Curriculum.ratioLowerBound(
                step: try node.required("global_step", \.int), of: try node.required("max_steps", \.int),
                minimum: try node.required("min", \.double), maximum: try node.required("max", \.double))
            results.append(
                CaseResult(
                    id: "mask-ratio/\(i)",
                    failure: Compare.number(
                        "lower bound", found, try node.required("lower_bound", \.double), absolute: 1e-12)))
        }
        for (i, node) in (root["select_trajectory"]?.array ?? []).enumerated() {
            let found = TrajectoryMask.stateIndex(
                ratio: try node.required("ratio", \.double), start: try node.required("block_start", \.int),
                end: try node.required("block_end", \.int), states: try node.required("n_states", \.int))
            let expected = try node.required("index", \.int)
            results.append(
                CaseResult(
                    id: "state/\(i)", failure: found == expected ? nil : "is \(found), expected \(expected)"))
        }
        return results
    }

    // MARK: - Golden values

    private func model(_ name: String) throws -> Transformer {
        try Checkpoint.load(folder.appending("models").appending(name))
    }

    private func values(_ name: String) throws -> [Float] {
        let entry = try tensors.entry(named: name)
        return try tensors.matrix(name, shape: entry.shape, rows: 1, columns: entry.count).elements
    }

    /// Norms of every gradient, and those gradients that are stored in full.
    private func gradientFailure(
        _ gradient: FlatParameters, _ node: JSONNode, norms: String, prefix: String
    ) throws -> String? {
        let expected = try node.required(norms, \.members)
        let total = expected.reduce(0) { $0 + pow2($1.value.double ?? 0) }.squareRoot()
        let indices = Dictionary(
            uniqueKeysWithValues: gradient.specifications.enumerated().map {
                (LLaDAFamily.name(of: $1.specification.role), $0)
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
