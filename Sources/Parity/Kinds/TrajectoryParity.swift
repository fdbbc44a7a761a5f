internal import Decoding
internal import Documents
internal import JSON

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
        let runs = RecordedRun.all(cases.map { ($0.model, $0.decoder) }, folder)
        var ties = NearTies(folder)
        for (recorded, run) in zip(cases, runs) {
            ties.record(
                recorded.id, as: recorded.id, recorded.model, recorded.decoder, run, in: &tally,
                divergence: recorded.divergence)
        }
    }

    private struct Case {
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
