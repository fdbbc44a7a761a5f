internal import Decoding
internal import Documents
internal import JSON
internal import Transformers

/// Recorded decodings of SWIFT: tokens, what each verification accepted, every forward, and what its search found.
struct DraftParity: ParityKind {
    /// Whether the traces are compared, draft by draft, instead of the counts.
    let comparesTraces: Bool

    var name: String { comparesTraces ? "swift/traces" : "swift/decode" }
    var file: String { comparesTraces ? "decode_swift_traces.json" : "decode_swift.json" }

    func run(_ folder: ParityFolder, _ tally: inout ParityTally) throws {
        let cases = try folder.cases(of: "decode_swift.json").identified("cases")
        guard comparesTraces else {
            for (id, node) in cases { record(id, &tally) { try failure(node, folder) } }
            return
        }
        let byID = Dictionary(cases.map { ($0.id, $0.node) }) { first, _ in first }
        for (id, trace) in try folder.cases(of: file).identified(orList: "traces") {
            record(id, &tally) {
                guard let node = byID[id] else {
                    throw trace.problem("\(id) isn't a case of decode_swift.json")
                }
                return try traceFailure(trace, node, folder)
            }
        }
    }

    private func record(_ id: String, _ tally: inout ParityTally, _ failure: () throws -> String?) {
        do { tally.record(try failure().map { "\(id): \($0)" }) } catch { tally.record("\(id): \(error)") }
    }

    private func failure(_ node: CaseNode, _ folder: ParityFolder) throws -> String? {
        guard let (decoder, run) = try decoded(node, folder) else { return "it can't be decoded" }
        if let place = DecodeParity.firstDifference(run.decoder.tokens, try node.tokens("tokens")) {
            return run.decision(at: place)
        }
        let lists = [
            ("accepted lengths", decoder.acceptedLengths, "accept_lengths"),
            ("lengths of drafts", decoder.draftLengths, "draft_widths"),
            ("sizes of trees", decoder.treeSizes, "tree_sizes"),
        ]
        for (what, ours, key) in lists where ours != (try node.integers(key)) {
            return "\(what) are \(ours), expected \(try node.integers(key))"
        }
        let counts = [
            ("verifications", decoder.acceptedLengths.count, "steps"),
            ("new tokens", run.decoder.tokens.count - run.decoder.promptLength, "new_token_num"),
            ("forwards of the whole model", decoder.wholeForwards, "forwards"),
            ("other forwards", decoder.skippedForwards, "draft_forwards"),
            ("forwarded tokens", decoder.tokensForwarded, "tokens_forwarded"),
            (
                "drafted tokens", decoder.draftLengths.prefix(decoder.treeSizes.count).reduce(0, +),
                "draft_token_num"
            ),
        ]
        for (what, ours, key) in counts where ours != (try node.integer(key)) {
            return "\(what): \(ours), expected \(try node.integer(key))"
        }
        return try searchFailure(decoder, node)
    }

    private func searchFailure(_ decoder: LayerSkippingDecoder, _ node: CaseNode) throws -> String? {
        let looks = try node["optimization"]?.elements() ?? []
        guard looks.count == decoder.looks.count else {
            return "\(decoder.looks.count) looks of the search, expected \(looks.count)"
        }
        for (index, (ours, recorded)) in zip(decoder.looks, looks).enumerated() {
            let skips = try Self.skips(recorded.member("attention"), recorded.member("mlp"))
            let best = try recorded.member("layers_after").elements()
            guard best.count == 2 else { throw recorded.problem("\"layers_after\" needs two lists") }
            let after = try Self.skips(best[0], best[1])
            let drawn = recorded["picked"] == nil ? ours.drawn : try recorded.integers("picked").sorted()
            if ours.skips != skips || ours.drawn != drawn {
                return "look \(index) is at \(ours.skips), expected \(skips)"
            }
            let shares = (try recorded.number("score"), try recorded.number("origin_score"))
            if abs(ours.share - shares.0) > 1e-9 || abs(ours.best - shares.1) > 1e-9 {
                return "look \(index) gives \(ours.share) and \(ours.best), expected \(shares)"
            }
            if let found = ours.after, found != after {
                return "after look \(index) \(found) is skipped, expected \(after)"
            }
        }
        return nil
    }

    private func traceFailure(
        _ trace: CaseNode, _ node: CaseNode, _ folder: ParityFolder
    ) throws -> String? {
        guard let (_, run) = try decoded(node, folder) else { return "it can't be decoded" }
        let verifications = run.steps.filter { $0.kind == .cacheUpdate && $0.skips == nil }
        let steps = try trace.elements("trace")
        guard verifications.count == steps.count else {
            return "\(verifications.count) verifications, expected \(steps.count)"
        }
        for (index, (ours, recorded)) in zip(verifications, steps).enumerated() {
            // The recorder went through the tree depth by depth.
            let tree = ours.inputs.flatMap { position in
                [ours.sequence[position]] + ours.siblings.filter { $0.position == position }.map(\.token)
            }
            if tree != (try recorded.tokens("tree")) { return "the tree of step \(index) is \(tree)" }
            let accepted = try recorded.integer("accepted")
            if ours.unmasked.count != accepted {
                return "step \(index) accepts \(ours.unmasked.count) tokens, expected \(accepted)"
            }
        }
        return nil
    }

    private func decoded(
        _ node: CaseNode, _ folder: ParityFolder
    ) throws -> (LayerSkippingDecoder, RecordedRun)? {
        let parameters = try node.member("params")
        var options = LayerSkippingOptions()
        options.generationLength = try parameters.integer("max_new_tokens")
        options.skipRatio = try parameters.number("skip_ratio")
        options.searches = try parameters.flag("optimization")
        options.searchInterval = try parameters.integer("opt_interval")
        options.searchWindow = try parameters.integer("context_window")
        options.searchGoal = try parameters.number("max_score")
        options.searchLimit = try parameters.integer("max_opt_iter")
        options.searchPatience = try parameters.integer("max_tolerance_iter")
        options.temperature = try parameters.number("temperature")
        options.topP = try parameters.number("top_p")
        options.start = try Self.skips(node.member("attention_skip"), node.member("mlp_skip"))
        guard options.searchInterval > 0, options.searchWindow > 0, (0...1).contains(options.skipRatio),
            (1...100_000).contains(options.generationLength)
        else { throw parameters.problem("its parameters are out of range") }
        for (index, look) in try (node["optimization"]?.elements() ?? []).enumerated()
        where try look.string("kind") == "bayes" {
            options.proposals[index] = try Self.skips(look.member("attention"), look.member("mlp"))
        }
        var task = DecodingTask(
            prompt: try node.tokens("prompt"), maskToken: 0, endToken: try node.optionalToken("eos_id"))
        let seed = UInt64(max(0, try node.integer("draw_seed")))
        task.sampling = Sampling(seed: 0, sample: 0, script: .splitMix(seed: seed))
        let models = CaseModels(model: try node.string("model"))
        let layers = try folder.model(models.model).configuration.layers
        let given = Array(options.proposals.values) + [options.start].compactMap(\.self)
        guard
            given.allSatisfy({ skips in
                skips.attention.union(skips.feedForward).allSatisfy { $0 > 0 && $0 < layers - 1 }
            })
        else { throw node.problem("it skips blocks that the model doesn't have, or its first or last") }
        let decoder = LayerSkippingDecoder(task, options)
        guard case .success(let run)? = RecordedRun.all([(models, decoder)], folder).first,
            let finished = run.decoder as? LayerSkippingDecoder
        else { return nil }
        return (finished, run)
    }

    private static func skips(_ attention: CaseNode, _ feedForward: CaseNode) throws -> LayerSkips {
        LayerSkips(
            attention: Set(try attention.integers()), feedForward: Set(try feedForward.integers()))
    }
}

/// Recorded decodings of LLaDA again, with Spiffy's drafts: the same tokens in no more forwards.
///
/// Spiffy has no code to compare with; that it loses nothing is what it promises.
struct LosslessParity: ParityKind {
    let name = "spiffy/lossless"
    let file = "decode_llada.json"

    func run(_ folder: ParityFolder, _ tally: inout ParityTally) throws {
        let methods = ["d3llm_generate", "fast_generate", "fast_dual_cache"]
        var cases: [DecodeCase] = []
        var decoders: [(models: CaseModels, decoder: any Decoder)] = []
        for (id, node) in try folder.cases(of: file).identified("cases")
        where methods.contains(try node.string("method")) {
            do {
                let recorded = try DecodeCase(id: id, node, family: "llada")
                let isDual = recorded.method == "fast_dual_cache"
                let values = try RecordedMethod.values(
                    recorded.method, node.member("params"), family: "llada")
                let options = values.merging(["cache": .string(isDual ? "dual" : "none")]) { $1 }
                let spiffy = try DecodingMethod.named("spiffy")
                // Decoding with a cache has an option that decoding without one doesn't.
                let used = options.filter { spiffy.options.map(\.key).contains($0.key) }
                let unused = spiffy.unused(used)
                decoders.append(
                    (
                        recorded.models,
                        try spiffy.factory(used.filter { !unused.contains($0.key) })(recorded.task)
                    ))
                cases.append(recorded)
            } catch {
                tally.record("\(id): \(error)")
            }
        }
        if cases.isEmpty { return tally.skip("the file has no cases of methods that drafts are made for") }
        let runs = RecordedRun.all(decoders, folder)
        var ties = NearTies(folder)
        for ((recorded, decoder), run) in zip(zip(cases, decoders), runs) {
            ties.record(
                recorded.id, as: "\(recorded.id) (\(recorded.method))", recorded.models, decoder.decoder, run,
                in: &tally
            ) { run in
                if let place = DecodeParity.firstDifference(run.decoder.tokens, recorded.tokens) {
                    return run.decision(at: place)
                }
                return run.decoder.forwards <= recorded.forwards
                    ? nil
                    : "it takes \(run.decoder.forwards) forwards, more than \(recorded.forwards) without drafts"
            }
        }
    }
}
