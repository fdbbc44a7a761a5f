internal import Decoding
internal import Documents
internal import JSON

/// Recorded traces: each forward's kind, place and effect must be the same.
struct TraceParity: ParityKind {
    let family: String

    var name: String { "\(family)/traces" }
    var file: String { "decode_\(family)_traces.json" }

    func run(_ folder: ParityFolder, _ tally: inout ParityTally) throws {
        var leftOut: Set<String> = []
        let cases = try folder.cases(of: "decode_\(family).json").identified("cases").flatMap { id, node in
            let sequences = try DecodeCase.sequences(of: id, node, family: family, folder)
            if sequences.isEmpty { leftOut.insert(id) }
            return sequences
        }
        let byID = Dictionary(cases.map { ($0.id, $0) }) { first, _ in first }
        let seesAll = RecordedMethod.seesWholeSequences(family)
        let recordedTraces = try folder.cases(of: file).identified(orList: "traces")
        for trace in recordedTraces where leftOut.contains(trace.id) { tally.leaveOut() }
        let traces = try recordedTraces.filter { !leftOut.contains($0.id) }.map { id, node in
            guard let recorded = byID[id] else {
                throw node.problem("\(id) isn't a case of decode_\(family).json")
            }
            return (
                recorded,
                try node.elements("trace").map { try TraceStep($0, recorded, family: family) }
            )
        }
        let runs = RecordedRun.all(traces.map { ($0.0.models, $0.0.factory($0.0.task)) }, folder)
        var ties = NearTies(folder)
        for ((recorded, trace), run) in zip(traces, runs) {
            ties.record(
                recorded.id, as: "\(recorded.id) (\(recorded.method))", recorded.models,
                recorded.factory(recorded.task), run, in: &tally,
                divergence: { Self.divergence($0, trace, seesAll: seesAll) })
        }
    }

    private static func divergence(_ run: RecordedRun, _ trace: [TraceStep], seesAll: Bool) -> String? {
        // Unless it saw all, the recorder saw only what each forward got as input, and at the end the whole sequence: a change
        // elsewhere shows in the first forward that covers it.
        var seen = run.steps.first?.sequence ?? []
        for (index, expected) in trace.enumerated() {
            guard index < run.steps.count else {
                return "ended after \(run.steps.count) forwards; expected \(trace.count)."
            }
            var after = run.decoder.tokens
            if index + 1 < run.steps.count {
                let next = run.steps[index + 1]
                after = next.sequence.indices.map { position in
                    seesAll || next.inputs.contains(position) || !seen.indices.contains(position)
                        ? next.sequence[position] : seen[position]
                }
            }
            if let problem = expected.divergence(run.steps[index], from: seen, to: after, run) {
                return "step \(index): \(problem)"
            }
            seen = after
        }
        return run.steps.count == trace.count
            ? nil : "took \(run.steps.count) forwards; expected \(trace.count)."
    }
}

/// One recorded forward.
private struct TraceStep {
    let kind: String
    let tokenCount: Int
    let start: Int
    let changed: [Int: Int32]
    let method: String
    let family: String
    let padding: Int32?
    let end: Int32?

    init(_ node: CaseNode, _ recorded: DecodeCase, family: String) throws {
        kind = try node.string("kind")
        tokenCount = try node.integer(node["valid"] == nil ? "n_tokens" : "valid")
        start = try node.integer("start")
        let pairs = try node.elements("changed").map { pair in
            let numbers = try pair.tokens()
            guard numbers.count == 2 else { throw pair.problem("\(pair.label) should be [position, token]") }
            return (Int(numbers[0]), numbers[1])
        }
        changed = Dictionary(pairs) { _, last in last }
        method = recorded.method
        (padding, end) = (recorded.padding, recorded.task.endToken)
        self.family = family
    }

    /// Where a step differs from the recorded one; `before` and `after` are the sequence as the recorder saw it.
    func divergence(
        _ step: StepRecord, from before: [Int32], to after: [Int32], _ run: RecordedRun
    ) -> String? {
        let ours = RecordedMethod.recordedKind(step.kind, of: method, family: family)
        if ours.rawValue != kind { return "the forward is \"\(ours.rawValue)\"; expected \"\(kind)\"." }
        if step.inputs.lowerBound != start || step.inputs.count != tokenCount {
            return "it forwards \(step.inputs.count) tokens from \(step.inputs.lowerBound);"
                + " expected \(tokenCount) from \(start)."
        }
        // A sequence that grows adds masks at its end; those aren't changes.
        let mask = run.decoder.state.maskToken
        for position in after.indices {
            let old = before.indices.contains(position) ? before[position] : mask
            let now = after[position] == old ? nil : after[position]
            // End tokens stand where upstream fills up with padding.
            let isFilled = now != nil && now == end && changed[position] == padding
            if now != changed[position], !isFilled {
                let expected = changed[position].map { "\($0)" } ?? "no change"
                return "\(now == nil ? "no change at position \(position)" : run.decision(at: position));"
                    + " expected \(expected)."
            }
        }
        return nil
    }
}

/// Recorded decodings: final tokens, NFE, forwards and forwarded tokens must be the same.
struct DecodeParity: ParityKind {
    let family: String

    var name: String { "\(family)/decode" }
    var file: String { "decode_\(family).json" }

    func run(_ folder: ParityFolder, _ tally: inout ParityTally) throws {
        var cases: [DecodeCase] = []
        for (id, node) in try folder.cases(of: file).identified("cases") {
            // A case that can't be read says nothing about the others.
            do {
                let sequences = try DecodeCase.sequences(of: id, node, family: family, folder)
                if sequences.isEmpty { tally.leaveOut() }
                cases += sequences
            } catch {
                tally.record("\(id): \(error)")
            }
        }
        let runs = RecordedRun.all(cases.map { ($0.models, $0.factory($0.task)) }, folder)
        var ties = NearTies(folder)
        for (recorded, run) in zip(cases, runs) {
            ties.record(
                recorded.id, as: "\(recorded.id) (\(recorded.method))", recorded.models,
                recorded.factory(recorded.task), run, in: &tally,
                divergence: { Self.divergence($0, recorded) })
        }
    }

    /// The first difference between a run and the recorded case; nil if there is none.
    static func divergence(_ run: RecordedRun, _ recorded: DecodeCase) -> String? {
        if let position = firstDifference(run.decoder.tokens, recorded.tokens) {
            let expected =
                recorded.tokens.indices.contains(position) ? "\(recorded.tokens[position])" : "nothing"
            return "\(run.decision(at: position)); expected \(expected)."
        }
        var counts = [
            ("NFE", run.decoder.evaluations, recorded.evaluations),
            ("forwards", run.decoder.forwards, recorded.forwards),
            ("forwarded tokens", run.decoder.tokensForwarded, recorded.tokensForwarded),
        ]
        if let expected = recorded.verifierCounts {
            counts += [
                ("forwards of the verifier", run.decoder.verifierForwards, expected[0]),
                ("its tokens", run.decoder.state.verifierTokensForwarded, expected[1]),
            ]
        }
        if let (what, value, expected) = counts.first(where: { $0.1 != $0.2 }) {
            return "the tokens agree, but \(what): \(value); expected \(expected)."
        }
        let reason = (run.decoder as? MultiBDDecoder)?.completion
        if let expected = recorded.completion, reason != expected {
            return "the tokens agree, but it ended with \(reason ?? "nothing"); expected \(expected)."
        }
        return nil
    }

    /// The first index at which two lists differ, in length included.
    static func firstDifference(_ a: [Int32], _ b: [Int32]) -> Int? {
        if let index = zip(a, b).enumerated().first(where: { $0.element.0 != $0.element.1 })?.offset {
            return index
        }
        return a.count == b.count ? nil : min(a.count, b.count)
    }
}

/// Recorded traces of two models: what the diffusion model gets, what the verifier reads, and what stays.
struct VerifiedTraceParity: ParityKind {
    let name = "apd/traces"
    let file = "decode_apd_traces.json"

    func run(_ folder: ParityFolder, _ tally: inout ParityTally) throws {
        let cases = Dictionary(
            try folder.cases(of: "decode_apd.json").identified("cases").map { ($0.id, $0.node) }
        ) { first, _ in first }
        let traces = try folder.cases(of: file).identified(orList: "traces").map { id, node in
            guard let recorded = cases[id] else {
                throw node.problem("\(id) isn't a case of decode_apd.json")
            }
            return (
                try DecodeCase(id: id, recorded, family: "apd"), try node.elements("trace").map(Turn.init)
            )
        }
        let runs = RecordedRun.all(traces.map { ($0.0.models, $0.0.factory($0.0.task)) }, folder)
        var ties = NearTies(folder)
        for ((recorded, turns), run) in zip(traces, runs) {
            ties.record(
                recorded.id, as: "\(recorded.id) (\(recorded.method))", recorded.models,
                recorded.factory(recorded.task), run, in: &tally,
                divergence: { run in
                    let found = Turn.all(run.steps)
                    guard found.count == turns.count else {
                        return "it has \(found.count) turns; expected \(turns.count)."
                    }
                    let index = found.indices.first { found[$0] != turns[$0] }
                    return index.map { "turn \($0) is \(found[$0]); expected \(turns[$0])." }
                })
        }
    }

    private struct Turn: Equatable {
        var first: Int
        var count: Int
        /// What the verifier reads, from where on; nothing where there is none.
        var draft: [Int32]
        var start: Int?
        /// Positions with the tokens that stay.
        var changed: [[Int]]

        init(_ node: CaseNode) throws {
            (first, count) = (try node.integer("start"), try node.integer("n_tokens"))
            draft = node["draft"].map { $0.node.isNull } ?? true ? [] : try node.tokens("draft")
            start =
                node["verifier_start"].map { $0.node.isNull } ?? true
                ? nil : try node.integer("verifier_start")
            changed = try node.elements("changed").map { try $0.integers() }
        }

        private init(_ inputs: Range<Int>) {
            (first, count, draft, changed) = (inputs.lowerBound, inputs.count, [], [])
        }

        /// A turn is a forward of the diffusion model and, if there is one, of the verifier.
        static func all(_ steps: [StepRecord]) -> [Turn] {
            var turns: [Turn] = []
            for step in steps {
                if step.isOfVerifier {
                    turns[turns.count - 1].draft = Array(step.sequence[step.inputs])
                    turns[turns.count - 1].start = step.inputs.lowerBound
                } else {
                    turns.append(Turn(step.inputs))
                }
                turns[turns.count - 1].changed += step.unmasked.map { [$0.position, Int($0.token)] }
            }
            return turns
        }
    }
}

/// One recorded trajectory: what is decoded again, and how the outcome is compared.
protocol TrajectoryCase {
    var id: String { get }
    var model: String { get }
    var decoder: any Decoder { get }

    /// The first difference from what was recorded; nil if there is none.
    func divergence(_ run: RecordedRun) -> String?
}

enum TrajectoryCases {
    /// Decodes all cases again and notes which agree.
    static func record(
        _ cases: [some TrajectoryCase], _ folder: ParityFolder, _ tally: inout ParityTally
    ) {
        let runs = RecordedRun.all(cases.map { (CaseModels(model: $0.model), $0.decoder) }, folder)
        var ties = NearTies(folder)
        for (recorded, run) in zip(cases, runs) {
            ties.record(
                recorded.id, as: recorded.id, CaseModels(model: recorded.model), recorded.decoder, run,
                in: &tally,
                divergence: recorded.divergence)
        }
    }
}

/// Recorded trajectories of TAD's teachers: the first state in which each position is decoded must be the same.
struct TemporalTrajectoryParity: ParityKind {
    let name = "tad/trajectory"
    let file = "trajectory_tad.json"

    func run(_ folder: ParityFolder, _ tally: inout ParityTally) throws {
        let cases = try folder.cases(of: file).identified("cases").map { id, node in
            try Case(id: id, node, isDream: folder.family(ofModel: node.string("model")) == "dream")
        }
        TrajectoryCases.record(cases, folder, &tally)
    }

    private struct Case: TrajectoryCase {
        let id: String
        let model: String
        let decoder: any Decoder
        let final: [Int32]
        let unmaskStep: [Int32]
        let states: Int
        let isDream: Bool

        init(id: String, _ node: CaseNode, isDream: Bool) throws {
            self.id = id
            self.isDream = isDream
            model = try node.string("model")
            final = try node.tokens("final")
            unmaskStep = try node.tokens("unmask_step")
            states = try node.integer("n_states")
            let parameters = try node.member("params")
            var values: [String: JSONValue] = [
                "generationLength": .integer(try parameters.integer("gen_length")),
                "blockLength": .integer(try parameters.integer("block_length")),
                "steps": .integer(try parameters.integer("steps")),
                "temperature": .number(try parameters.number("temperature")),
            ]
            if let topP = parameters.node["top_p"]?.double { values["topP"] = .number(topP) }
            var task = DecodingTask(
                prompt: try node.tokens("prompt"), maskToken: try node.token("mask_id"), endToken: nil)
            if node["rand_values"] != nil {
                let lists = try node.elements("rand_values").map { try $0.numbers() }
                task.sampling = Sampling(seed: 0, sample: 0, script: .lists(lists))
            } else if let seed = parameters.node["noise_seed"]?.int {
                task.sampling = Sampling(seed: 0, sample: 0, script: .congruence(seed: seed))
            }
            decoder = try DecodingMethod.named(isDream ? "dream" : "vanilla").factory(values)(task)
        }

        func divergence(_ run: RecordedRun) -> String? {
            var recorder = TrajectoryRecorder(decoder)
            for step in run.steps { recorder.observe(step) }
            let trajectory = recorder.finish(run.decoder)
            // LLaDA's states begin with all masks, Dream's with what the first forward left.
            let first: Int32 = isDream ? 0 : 1
            let found = trajectory.unmaskStep.map { $0 < 0 ? $0 : $0 + first }
            if let index = DecodeParity.firstDifference(found, unmaskStep) {
                let expected = unmaskStep.indices.contains(index) ? "\(unmaskStep[index])" : "none"
                return "\(run.decision(at: decoder.promptLength + index)); expected in state \(expected)."
            }
            let response = Array(run.decoder.tokens[decoder.promptLength...])
            if let index = DecodeParity.firstDifference(response, final) {
                return run.decision(at: decoder.promptLength + index)
            }
            let count = run.steps.count + Int(first)
            return count == states ? nil : "there are \(count) states, expected \(states)."
        }
    }
}

/// Recorded teacher trajectories: the step at which each position was decoded must be the same.
struct TrajectoryParity: ParityKind {
    let family: String

    var name: String { "\(family)/trajectory" }
    var file: String { "trajectory.json" }

    func run(_ folder: ParityFolder, _ tally: inout ParityTally) throws {
        let cases = try folder.cases(of: file).identified("cases")
            .filter { try folder.family(ofModel: try $0.node.string("model")) == family }
            .map { try Case(id: $0.id, $0.node, family: family) }
        guard !cases.isEmpty else { return tally.skip("the file has no \(family) cases") }
        TrajectoryCases.record(cases, folder, &tally)
    }

    private struct Case: TrajectoryCase {
        let id: String
        let model: String
        let decoder: any Decoder
        let final: [Int32]
        let unmaskStep: [Int32]
        let states: [[Int32]]?
        let evaluations: Int

        init(id: String, _ node: CaseNode, family: String) throws {
            self.id = id
            model = try node.string("model")
            final = try node.tokens("final")
            unmaskStep = try node.tokens("unmask_step")
            evaluations = try node.integer("nfe")
            states = node.node["states"] == nil ? nil : try node.elements("states").map { try $0.tokens() }
            let task = DecodingTask(
                prompt: try node.tokens("prompt"), maskToken: try node.token("mask_id"), endToken: nil)
            decoder = try Self.teacher(try node.member("params"), family: family)(task)
        }

        /// LLaDA's teacher decodes as Fast-dLLM's `generate` does, Dream's as its own `diffusion_generate`.
        private static func teacher(_ parameters: CaseNode, family: String) throws -> DecoderFactory {
            guard family == "dream" else {
                return try RecordedMethod.factory("fast_generate", parameters, family: family)
            }
            guard try parameters.member("threshold").node.string == "-inf" else {
                return try RecordedMethod.factory("d3llm_generate", parameters, family: family)
            }
            // No entropy is below 0 either, so only the lowest one of each step is accepted.
            let options = BlockwiseOptions(
                generationLength: try parameters.integer("gen_length"),
                blockLength: try parameters.integer("block_length"), rule: .entropyBelow(0))
            return { BlockwiseDecoder($0, options) }
        }

        func divergence(_ run: RecordedRun) -> String? {
            var recorder = TrajectoryRecorder(decoder)
            for step in run.steps { recorder.observe(step) }
            return divergence(recorder.finish(run.decoder), run)
        }

        private func divergence(_ trajectory: Trajectory, _ run: RecordedRun) -> String? {
            let prompt = decoder.promptLength
            if let position = DecodeParity.firstDifference(run.decoder.tokens, final) {
                let expected = final.indices.contains(position) ? "\(final[position])" : "nothing"
                return "\(run.decision(at: position)); expected \(expected)."
            }
            if let index = DecodeParity.firstDifference(trajectory.unmaskStep, unmaskStep) {
                let expected = unmaskStep.indices.contains(index) ? "\(unmaskStep[index])" : "none"
                return "\(run.decision(at: prompt + index)); expected in step \(expected)."
            }
            if trajectory.evaluations != evaluations {
                return "the tokens agree, but NFE: \(trajectory.evaluations); expected \(evaluations)."
            }
            for (step, state) in (states ?? []).enumerated() {
                let ours = trajectory.state(afterStep: step, maskToken: decoder.state.maskToken)
                if let index = DecodeParity.firstDifference(ours, state) {
                    return "the state after step \(step) differs at position \(prompt + index)."
                }
            }
            return nil
        }
    }
}
