internal import Decoding
internal import Documents
internal import JSON
internal import Numerics
internal import Training
internal import Transformers

/// Recorded Jacobi trajectories: every state of every block, and which of them are packed for training.
struct JacobiTrajectoryParity: ParityKind {
    let name = "jacobi/trajectory"
    let file = "trajectory_jacobi.json"

    func run(_ folder: ParityFolder, _ tally: inout ParityTally) throws {
        let root = try folder.cases(of: file)
        let cases = try root.identified("trajectories").map { try Case(id: $0.id, $0.node) }
        TrajectoryCases.record(cases, folder, &tally)
        let byID = Dictionary(cases.map { ($0.id, $0) }) { first, _ in first }
        for (id, node) in try root.identified("packs") {
            guard let trajectory = byID[try node.string("trajectory")] else {
                throw node.problem("it packs a trajectory that isn't there")
            }
            tally.record(try trajectory.packing(node).map { "\(id): \($0)" })
        }
    }

    private struct Case: TrajectoryCase {
        let id: String
        let model: String
        let prompt: [Int32]
        let length: Int
        let blocks: [[[Int32]]]
        let decoder: any Decoder

        init(id: String, _ node: CaseNode) throws {
            self.id = id
            model = try node.string("model")
            prompt = try node.tokens("prompt")
            length = try node.integer("n_token_seq_len")
            let recorded = try node.elements("blocks")
            blocks = try recorded.map { try $0.rows("states") }
            let drawn = try recorded.flatMap { try $0.tokens("drawn") }
            // There is no end token here: blocks go on behind one.
            let task = DecodingTask(
                prompt: prompt, maskToken: 0, endToken: nil,
                sampling: Sampling(seed: 0, sample: 0, script: .tokens(drawn)))
            decoder = try DecodingMethod.named("jacobi").factory([
                "generationLength": .integer(recorded.count * length), "blockLength": .integer(length),
                "firstDraft": .string("drawn"),
            ])(task)
        }

        /// A block's states: the text that it came to in the place of its start, which upstream overwrites, then each draft of
        /// more than one token, and the text.
        func divergence(_ run: RecordedRun) -> String? {
            for (index, expected) in blocks.enumerated() {
                let start = prompt.count + index * length
                let range = start..<start + length
                guard run.decoder.tokens.count >= range.upperBound else { return "block \(index) is missing" }
                let text = Array(run.decoder.tokens[range])
                let drafts = run.steps.filter {
                    $0.kind != .prefill && range.contains($0.inputs.lowerBound) && $0.inputs.count > 1
                }
                let states = [text] + drafts.dropFirst().map { Array($0.sequence[range]) } + [text]
                if states != expected {
                    let place = zip(states, expected).enumerated().first { $1.0 != $1.1 }?.offset
                    return
                        "block \(index) has \(states.count) states, expected \(expected.count); they differ from state \(place ?? min(states.count, expected.count))."
                }
            }
            return nil
        }

        func packing(_ node: CaseNode) throws -> String? {
            let texts = blocks.map { $0[$0.count - 1] }
            let found = JacobiForcing.stateIndices(
                blocks, texts: texts, window: try node.integer("window_size"),
                least: try node.number("min_noisy_ratio"), most: try node.number("max_noisy_ratio"))
            let expected = try node.integers("traj_position_indices")
            if found != expected { return "the states \(found) are chosen, expected \(expected)" }
            let packed = prompt + zip(zip(blocks, found), texts).flatMap { $0.0[$0.1] + $1 }
            let sequence = try node.tokens("complete_training_sequence_ids")
            return packed == sequence ? nil : "the packed sequence differs"
        }
    }
}

/// Recorded traces of Jacobi decoding: what each forward gets, and from where.
struct JacobiTraceParity: ParityKind {
    let name = "jacobi/traces"
    let file = "decode_jacobi_traces.json"

    func run(_ folder: ParityFolder, _ tally: inout ParityTally) throws {
        let cases = Dictionary(
            try folder.cases(of: "decode_jacobi.json").identified("cases").map { ($0.id, $0.node) }
        ) { first, _ in first }
        var traces: [(case: DecodeCase, node: CaseNode)] = []
        for (id, node) in try folder.cases(of: file).identified(orList: "traces") {
            guard let recorded = cases[id] else {
                throw node.problem("\(id) isn't a case of decode_jacobi.json")
            }
            let sequences = try DecodeCase.sequences(of: id, recorded, family: "jacobi", folder)
            if sequences.isEmpty { tally.leaveOut() }
            traces += sequences.map { ($0, node) }
        }
        let runs = RecordedRun.all(traces.map { ($0.case.models, $0.case.factory($0.case.task)) }, folder)
        var ties = NearTies(folder)
        for (trace, run) in zip(traces, runs) {
            let steps = try trace.node.elements("trace").map { step in
                (start: try step.integer("start"), rows: try step.rows("rows"))
            }
            ties.record(
                trace.case.id, as: trace.case.id, trace.case.models, trace.case.factory(trace.case.task), run,
                in: &tally
            ) { run in
                guard run.steps.count == steps.count else {
                    return "took \(run.steps.count) forwards; expected \(steps.count)."
                }
                for (ours, expected) in zip(run.steps, steps)
                where ours.inputs.lowerBound != expected.start
                    || [Array(ours.sequence[ours.inputs])] + ours.variants != expected.rows
                {
                    return
                        "step \(ours.index) feeds \(ours.inputs) and \(ours.variants.count) other rows; expected \(expected.rows) from \(expected.start)."
                }
                return nil
            }
        }
    }
}

/// Recorded losses of Jacobi Forcing with their gradients.
struct JacobiLossParity: ParityKind {
    let name = "jacobi/loss"
    let file = "loss_jacobi.json"

    func run(_ folder: ParityFolder, _ tally: inout ParityTally) throws {
        let golden = try GoldenLoss(folder, Qwen2Family.self, json: file, tensors: "loss_jacobi.safetensors")
        let results = try golden.cases("cases") { id, node in
            [CaseResult(id: id, failure: try golden.jacobi(id, node))]
        }
        for result in results { tally.record(result.failure.map { "\(result.id): \($0)" }) }
    }
}

extension GoldenLoss {
    fileprivate func jacobi(_ id: String, _ node: CaseNode) throws -> String? {
        let model = try model(try node.string("model"))
        let (prompt, length) = (try node.integer("prompt_ids_len"), try node.integer("n_token_seq_len"))
        let ids = try node.tokens("input_ids")
        guard prompt >= 0, length > 0, ids.count >= prompt, (ids.count - prompt) % (2 * length) == 0,
            ids.allSatisfy({ $0 >= 0 && Int($0) < model.configuration.vocabulary })
        else { throw node.problem("its tokens aren't a prompt and pairs of blocks") }
        let blocks = stride(from: prompt, to: ids.count, by: length).map { Array(ids[$0..<$0 + length]) }
        let example = JacobiForcing.Example(
            prompt: Array(ids[..<prompt]),
            clean: blocks.enumerated().filter { $0.offset % 2 == 1 }.map(\.element),
            noisy: blocks.enumerated().filter { $0.offset % 2 == 0 }.map(\.element))
        var objective = JacobiForcing()
        objective.temperature = Float(try node.number("distill_temperature"))
        let batch = objective.batch(
            example, model: model, end: try node.token("eos_id"), padding: try node.token("pad_id"))
        let gradient = try BatchGradient(FlatParameters(copying: model), threads: 1)
        let report = gradient.compute(batch)
        let expected = try node.member("loss")
        func check(_ name: String, _ found: Double) throws -> String? {
            Compare.number(
                name, found, try expected.number(name), absolute: lossAbsolute, relative: lossRelative)
        }
        let consistency = report.groups.count > 1 ? report.groups[1].crossEntropy : 0
        return try check("total", report.total) ?? check("ar", 10 * report.groups[0].crossEntropy)
            ?? check(
                "consistency",
                consistency * Double(objective.temperature * objective.temperature)
                    / Double(example.clean.count))
            ?? gradientFailure(gradient.gradient, node, norms: "grad_norms", prefix: "\(id).grad.")
            ?? probeFailure(gradient.gradient, node)
    }
}
