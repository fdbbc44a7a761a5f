internal import Documents
internal import JSON
internal import Numerics
internal import SystemPackage
internal import Training
internal import Transformers

/// Recorded forwards of models that attend by blocks: prefill, blocks beside the cache, parts of a block in a cache of their own,
/// and what joins the cache.
struct BlockForwardParity: ParityKind {
    /// Fast-dLLM v2 and NBDiff, or SDAR.
    let isSDAR: Bool

    var name: String { isSDAR ? "sdar/forward" : "blocks/forward" }
    var file: String { isSDAR ? "forward_sdar_index.json" : "forward_blocks.json" }

    func run(_ folder: ParityFolder, _ tally: inout ParityTally) throws {
        let root = try folder.cases(of: file)
        let tensors = try SafetensorsFile(
            folder.path.appending(isSDAR ? "forward_sdar.safetensors" : "forward_blocks.safetensors"))
        let tolerance = root.node["tolerance"]?["logits_abs"]?.double ?? 1e-4
        for node in try root.elements("cases") {
            let (model, name) = (try node.string("model"), try node.string("name"))
            let golden = GoldenForward(model: try folder.model(model), tensors: tensors, tolerance: tolerance)
            do {
                let prefix = isSDAR ? "\(model).\(name)" : name
                tally.record(try golden.blocks(prefix, node).map { "\(model)/\(name): \($0)" })
            } catch {
                tally.record("\(model)/\(name): \(error)")
            }
        }
    }
}

extension GoldenForward {
    /// What differs first in one recorded sequence of forwards.
    fileprivate func blocks(_ id: String, _ node: CaseNode) throws -> String? {
        switch try node.string("kind") {
        case "fdv2": return try complementary(id, node)
        case "nbdiff": return try nextBlock(id, node)
        case "block_causal":
            let ids = try sequences("\(id).input_ids")[0]
            return try compare("\(id).logits", pass(ids, at: 0, blocks(of: try node.integer("block_size"))))
        case "block_cache": return try stored(id, try node.integer("block_size"))
        case let kind: return "unknown kind of forward case \"\(kind)\""
        }
    }

    private func complementary(_ id: String, _ node: CaseNode) throws -> String? {
        let length = try node.integer("block_size")
        let pattern = blocks(of: length)
        let ids = try sequences("\(id).input_ids")[0]
        let cache = KeyValueCache(model.configuration, capacity: ids.count)
        let known = ids.count - length
        let prefill = pass(ids[..<known], at: 0, pattern, cache, .append(known))
        let before =
            try compare("\(id).logits_prefill", prefill)
            ?? Compare.elements(
                "\(id).k0", byHead(cache.keyMatrix(0, rows: known).view), values("\(id).k0"),
                tolerance: logitTolerance)
            ?? Compare.elements(
                "\(id).v1", byHead(cache.valueMatrix(1, rows: known).view), values("\(id).v1"),
                tolerance: logitTolerance)
            ?? compare("\(id).logits_block", pass(ids[known...], at: known, pattern, cache))
        if let before { return before }
        _ = pass(ids[known...], at: known, pattern, cache, .append(length))
        let start = known + (try node.integer("sub_block_start"))
        let part = try node.tokens("sub_block_ids")
        let inside = try compare(
            "\(id).logits_sub_block", pass(part, at: start, .bidirectional, cache, .overwrite(at: start)))
        cache.truncate(to: known)
        let complete = try node.tokens("commit_ids")
        let committed = pass(complete, at: known, pattern, cache, .append(length))
        let behind = try inside ?? compare("\(id).logits_commit", committed)
        let whole = pass(ids[..<known] + complete, at: 0, pattern)
        return try behind ?? compare("\(id).logits_whole", whole.slice(rows: known..<known + length))
    }

    private func nextBlock(_ id: String, _ node: CaseNode) throws -> String? {
        let (prompt, length) = (try node.integer("prompt_length"), try node.integer("block_length"))
        let ids = try sequences("\(id).input_ids")[0]
        let complete = try node.tokens("commit_ids")
        let cache = KeyValueCache(model.configuration, capacity: ids.count)
        return try compare(
            "\(id).logits_prefill", pass(ids[..<prompt], at: 0, .causal, cache, .append(prompt)))
            ?? compare(
                "\(id).logits_block",
                pass(ids[prompt...].prefix(length), at: prompt, .bidirectional, cache))
            ?? compare("\(id).logits_commit", pass(complete, at: prompt, .causal, cache, .append(length)))
    }

    /// SDAR: two blocks stored, one denoised twice, stored, and the next one denoised.
    private func stored(_ id: String, _ length: Int) throws -> String? {
        let (ids, second) = (try sequences("\(id).input_ids0")[0], try sequences("\(id).input_ids1")[0])
        let cache = KeyValueCache(model.configuration, capacity: ids.count)
        let known = 2 * length
        let (block, pattern) = (known..<known + length, blocks(of: length))
        var changed = Array(ids[block])
        (changed[0], changed[length - 1]) = (5, 9)
        return try compare("\(id).logits_prefill", pass(ids[..<known], at: 0, pattern, cache, .append(known)))
            ?? compare("\(id).logits_denoise", pass(ids[block], at: known, pattern, cache))
            ?? compare("\(id).logits_denoise2", pass(changed, at: known, pattern, cache))
            ?? compare("\(id).logits_store", pass(second[block], at: known, pattern, cache, .append(length)))
            ?? compare(
                "\(id).logits_next",
                pass(second[block.upperBound...].prefix(length), at: block.upperBound, pattern, cache))
    }

    private func blocks(of length: Int) -> AttentionPattern {
        .blockCausal(promptLength: 0, blockLength: length)
    }

    private func pass(
        _ tokens: some Sequence<Int32>, at position: Int, _ attention: AttentionPattern,
        _ cache: KeyValueCache? = nil, _ update: CacheUpdate = .none
    ) -> Matrix {
        model.logits(
            [
                ForwardInput(
                    tokens: Array(tokens), firstPosition: position, attention: attention, cache: cache,
                    cacheUpdate: update)
            ], workspace)
    }
}

/// Recorded training losses of methods with two streams, and of dLLM-Var: noise, what each row sees, losses and gradients.
struct BlockLossParity: ParityKind {
    enum Part: String {
        case fdv2
        case nbdiff
        case dllmvar
        case sdar
        case mbd
    }

    let part: Part

    var name: String { "\(part.rawValue)/loss" }
    private var stem: String { part == .nbdiff ? "loss_nbdiff_paper" : "loss_\(part.rawValue)" }
    var file: String { "\(stem).json" }

    func run(_ folder: ParityFolder, _ tally: inout ParityTally) throws {
        let family: any ModelFamily.Type = part == .dllmvar ? LLaDAFamily.self : FastDLLMFamily.self
        let golden = try GoldenLoss(folder, family, json: file, tensors: "\(stem).safetensors")
        let key = part == .sdar || part == .mbd ? "cases" : part.rawValue
        let results = try golden.cases(key) { id, node in
            [CaseResult(id: id, failure: try golden.blocks(id, node, part))]
        }
        for result in results { tally.record(result.failure.map { "\(result.id): \($0)" }) }
    }
}

extension GoldenLoss {
    /// What differs first in one case.
    fileprivate func blocks(_ id: String, _ node: CaseNode, _ part: BlockLossParity.Part) throws -> String? {
        let parameters = FlatParameters(copying: try model(try node.string("model")))
        let mask = try node.token("mask_id")
        let (batch, noise) = try batch(node, part, mask, parameters.configuration)
        if let noise { return noise }
        if let failure = try visibleFailure(id, batch) { return failure }
        let gradient = try BatchGradient(parameters, threads: 1)
        let report = gradient.compute(batch)
        return try termFailure(report, node, part)
            ?? gradientFailure(gradient.gradient, node, norms: "grad_norms", prefix: "\(id).grad.")
    }

    private func batch(
        _ node: CaseNode, _ part: BlockLossParity.Part, _ mask: Int32,
        _ configuration: TransformerConfiguration
    ) throws -> (LossBatch, String?) {
        switch part {
        case .fdv2:
            var draws = try ScriptedDraws(rowByRow: node)
            let divisor = node.node["num_items_in_batch"]?.int
            let objective = ComplementaryBlocks(blockLength: try node.integer("bd_size"))
            let batch = objective.batch(try marked(node, configuration), mask: mask, divisor: divisor, &draws)
            // Recorded as [noisy ⊕ clean].
            let expected = try node.rows("forwarded_ids").map { row in
                Array(row[(row.count / 2)...] + row[..<(row.count / 2)])
            }
            return (batch, draws.mismatch ?? difference(batch, expected))
        case .nbdiff:
            let rows = try rows("input_ids", of: node, configuration)
            let objective = NextBlockObjective(
                blockLength: try node.integer("block_size"), causalWeight: Float(try node.number("ar_weight"))
            )
            let batch = objective.batch(
                rows, masked: try node.rows("masked").map { $0.map { $0 == 1 } }, mask: mask)
            return (batch, difference(batch, zip(rows, try node.rows("noisy_batch")).map { $0 + $1 }))
        case .dllmvar:
            var draws = try ScriptedDraws(rowByRow: node)
            let range = try node.numbers("t_range")
            let objective = EndTokenObjective(
                ratios: range[0]...range[1], endTokens: Set(try node.tokens("eos_ids")))
            let batch = objective.batch(try marked(node, configuration), mask: mask, &draws)
            let expected = try node.rows("noisy_batch")
            return (batch, draws.mismatch ?? difference(batch, expected))
        case .sdar: return try packed(node, mask, configuration)
        case .mbd: return try groups(node, mask, configuration)
        }
    }

    private func marked(_ node: CaseNode, _ configuration: TransformerConfiguration) throws -> [MarkedRow] {
        zip(try rows("input_ids", of: node, configuration), try node.rows("labels")).map { ids, labels in
            MarkedRow(tokens: ids, isTarget: labels.map { $0 != -100 })
        }
    }

    /// SDAR's rows, cut where positions begin again.
    private func packed(
        _ node: CaseNode, _ mask: Int32, _ configuration: TransformerConfiguration
    ) throws -> (LossBatch, String?) {
        var draws = try ScriptedDraws(rowByRow: node)
        let positions = try node.rows("position_ids_padded")
        let rows = zip(try marked(node, configuration), positions).map { row, positions -> [MarkedRow] in
            let starts = positions.indices.filter { positions[$0] == 0 }
            return zip(starts, starts.dropFirst() + [positions.count]).map { start, end in
                MarkedRow(
                    tokens: Array(row.tokens[start..<end]), isTarget: Array(row.isTarget[start..<end]))
            }
        }
        let objective = BlockwiseRatioObjective(blockLength: try node.integer("block_size"))
        let batch = objective.batch(rows, mask: mask, &draws)
        // Recorded row by row, [noisy ⊕ clean] of one text behind the other.
        var expected: [[Int32]] = []
        for (row, texts) in zip(try node.rows("forwarded_ids"), rows) {
            var start = 0
            for text in texts {
                let (half, end) = (start + text.tokens.count, start + 2 * text.tokens.count)
                expected.append(Array(row[half..<end] + row[start..<half]))
                start = end
            }
        }
        return (batch, draws.mismatch ?? difference(batch, expected))
    }

    private func groups(
        _ node: CaseNode, _ mask: Int32, _ configuration: TransformerConfiguration
    ) throws -> (LossBatch, String?) {
        var draws = try ScriptedDraws(listed: node)
        let tokens = try node.tokens("input_ids")
        let (prompt, content) = (try node.integer("prompt_length"), try node.integer("content_length"))
        let length = try node.integer("block_size")
        let coverage = try node.member("coverage")
        var objective = MultiTeacherForcing(blockLength: length, groupSize: try node.integer("buffer_size"))
        let name = try node.string("ramp")
        guard let ramp = MultiTeacherForcing.Ramp(rawValue: name) else {
            throw node.problem("there is no ramp \"\(name)\"")
        }
        let range = try node.numbers("noise_range")
        objective.ramp = ramp
        objective.ratios = range[0]...range[1]
        objective.margin = try node.number("margin_ratio")
        objective.exponent = try node.number("gamma")
        let covers = try coverage.flag("enabled")
        objective.coversAll = try covers && coverage.string("mode") == "full"
        objective.randomLayouts = covers ? try coverage.integer("random_n") : 1
        let isTarget = tokens.indices.map { (prompt..<content).contains($0) }
        let tail = tokens.count / length - content / length
        let isWhole = try node.string("schedule_mode") == "d2f"
        let layouts =
            isWhole ? [[content / length]] : objective.layouts(blocks: content / length, &draws)
        let text = MarkedRow(tokens: tokens, isTarget: isTarget)
        var rows: [(text: MarkedRow, prompt: Int, content: Int, noise: MultiTeacherForcing.Noise)] = []
        for layout in layouts {
            let sizes = layout + (tail > 0 ? [tail] : [])
            let ratios = objective.blockRatios(sizes, &draws)
            rows.append((text, prompt, content, objective.noise(isTarget, sizes, ratios, &draws)))
        }
        let batch = objective.batch(rows, mask: mask)
        let variants = try node.elements("variants")
        let sizes = try variants.map { try $0.integers("buffer_sizes") }
        if sizes != rows.map(\.noise.sizes) {
            return (batch, "the layouts are \(rows.map(\.noise.sizes)), expected \(sizes)")
        }
        let noisy = try variants.map { tokens + (try $0.tokens("noisy_ids")) }
        return (batch, draws.mismatch ?? difference(batch, noisy))
    }

    private func difference(_ batch: LossBatch, _ expected: [[Int32]]) -> String? {
        guard batch.sequences.count == expected.count else {
            return "\(batch.sequences.count) sequences, expected \(expected.count)"
        }
        for (index, (sequence, tokens)) in zip(batch.sequences, expected).enumerated()
        where sequence.tokens != tokens {
            let place = DecodeParity.firstDifference(sequence.tokens, tokens) ?? 0
            return "sequence \(index) differs first at \(place)"
        }
        return nil
    }

    /// What each row sees, against the recorded matrices of [noisy ⊕ clean].
    private func visibleFailure(_ id: String, _ batch: LossBatch) throws -> String? {
        for (index, sequence) in batch.sequences.enumerated() {
            guard let geometry = sequence.geometry else { continue }
            let names = ["\(id).attention_allowed.\(index)"] + (index == 0 ? ["\(id).attention_allowed"] : [])
            guard let name = names.first(where: { tensors.entries[$0] != nil }) else { continue }
            let (both, length) = (geometry.visible.count, geometry.visible.count / 2)
            let recorded = try tensors.entry(named: name)
            // A row of several texts is recorded as one matrix, in which this is the first part.
            guard let width = recorded.shape.last, width >= both else { continue }
            let allowed = try tensors.integers(name)
            for row in 0..<both {
                let ours = geometry.visible[(row + length) % both]
                for key in 0..<both {
                    let place = (key + length) % both
                    let sees = place < ours.prefix || ours.window.contains(place)
                    if sees != (allowed[row * width + key] == 1) {
                        return "row \(row) of sequence \(index) \(sees ? "sees" : "doesn't see") key \(key)"
                    }
                }
            }
        }
        return nil
    }

    private func termFailure(
        _ report: LossReport, _ node: CaseNode, _ part: BlockLossParity.Part
    ) throws -> String? {
        let expected = try node.member("loss")
        func check(_ name: String, _ found: Double, _ value: Double) -> String? {
            Compare.number(name, found, value, absolute: lossAbsolute, relative: lossRelative)
        }
        if let failure = check("total_loss", report.total, try expected.number("total_loss")) {
            return failure
        }
        switch part {
        case .fdv2, .dllmvar:
            let count = try node.integer("n_targets")
            return report.groups[0].rows == count
                ? nil : "there are \(report.groups[0].rows) targets, expected \(count)"
        case .nbdiff:
            return try check(
                "mdm", report.groups[0].crossEntropy,
                expected.number("mdm_sum") / expected.number("mdm_count"))
                ?? check(
                    "ar", report.groups[1].crossEntropy,
                    expected.number("ar_sum") / expected.number("ar_count"))
        case .sdar: return nil
        case .mbd:
            for (index, variant) in try node.elements("variants").enumerated() {
                let name = "loss of layout \(index)"
                if let failure = check(name, report.groups[index].crossEntropy, try variant.number("loss")) {
                    return failure
                }
            }
            return nil
        }
    }
}
