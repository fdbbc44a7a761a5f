internal import Decoding
internal import Documents
internal import JSON
internal import Numerics
internal import Training
internal import Transformers

/// Decodings with residual context as RCD's paper describes them: what each forward accepts, and the shares that entered it.
///
/// There is no code of RCD to compare with; such cases check arithmetic only.
struct ResidualDecodeParity: ParityKind {
    let name = "rcd/decode"
    let file = "decode_rcd_paper.json"

    func run(_ folder: ParityFolder, _ tally: inout ParityTally) throws {
        for (id, node) in try folder.cases(of: file).identified("cases") {
            do {
                tally.record(try failure(node, folder).map { "\(id): \($0)" })
            } catch {
                tally.record("\(id): \(error)")
            }
        }
    }

    private func failure(_ node: CaseNode, _ folder: ParityFolder) throws -> String? {
        let parameters = try node.member("params")
        let length = try parameters.integer("gen_length")
        let values: [String: JSONValue] = [
            "generationLength": .integer(length), "blockLength": .integer(length),
            "steps": .integer(try parameters.integer("steps")),
            "threshold": .number(try parameters.number("threshold")),
            "residualTemperature": .number(try parameters.number("residual_temperature")),
            "start": .string(try parameters.string("init")),
        ]
        let reference = parameters["reference"] == nil ? nil : try parameters.string("reference")
        let task = DecodingTask(
            prompt: try node.tokens("prompt"), maskToken: try node.token("mask_id"), endToken: nil)
        let models = CaseModels(model: try node.string("model"), verifier: reference)
        let decoder = try DecodingMethod.named("rcd").factory(values)(task)
        guard case .success(let run)? = RecordedRun.all([(models, decoder)], folder).first else {
            return "it can't be decoded"
        }
        let counts = (run.decoder.evaluations, run.decoder.verifierForwards)
        let expected = (try node.integer("nfe"), try node.integer("reference_forwards"))
        if counts != expected {
            return "NFE and forwards of the reference are \(counts), expected \(expected)"
        }
        let steps = run.steps.filter { !$0.isOfVerifier }
        for (index, recorded) in try node.elements("steps").enumerated() {
            guard steps.indices.contains(index) else { return "there is no step \(index)" }
            let step = steps[index]
            // What rounding changes comes back with each forward: in double precision later shares are as far off.
            for (place, share) in try recorded.numbers("alpha").enumerated() {
                let found = step.residualShares[task.prompt.count + place] ?? 0
                let failure = Compare.number(
                    "the share of place \(place) in step \(index)", Double(found), share,
                    absolute: index < 2 ? 1e-5 : 1e-3)
                if let failure { return failure }
            }
            let accepted = try recorded.elements("accepted").map { try $0.tokens() }
            guard accepted.allSatisfy({ $0.count == 2 }) else {
                throw recorded.problem("what is accepted should be pairs of a position and a token")
            }
            let ours = step.unmasked.map { [Int32($0.position), $0.token] }
            if ours != accepted.sorted(by: { $0[0] < $1[0] }) {
                return "step \(index) accepts \(step.unmasked), expected \(accepted)"
            }
        }
        let tokens = try node.tokens("tokens")
        return DecodeParity.firstDifference(run.decoder.tokens, tokens).map { run.decision(at: $0) }
    }
}

/// Losses of RCD's training as its paper describes it, with their gradients.
struct ResidualLossParity: ParityKind {
    let name = "rcd/loss"
    let file = "loss_rcd_paper.json"

    func run(_ folder: ParityFolder, _ tally: inout ParityTally) throws {
        let golden = try GoldenLoss(
            folder, LLaDAFamily.self, json: file, tensors: "loss_rcd_paper.safetensors")
        for result in try golden.cases("rcd", { [CaseResult(id: $0, failure: try golden.residual($0, $1))] })
        {
            tally.record(result.failure.map { "\(result.id): \($0)" })
        }
    }
}

extension GoldenLoss {
    fileprivate func residual(_ id: String, _ node: CaseNode) throws -> String? {
        let model = try model(try node.string("model"))
        let reference = try self.model(try node.string("reference"))
        let tokens = try node.tokens("input_ids")
        let flags = try node.integers("masked")
        let mask = try node.token("mask_id")
        let vocabulary = model.configuration.vocabulary
        guard flags.count == tokens.count, reference.configuration.vocabulary == vocabulary,
            (tokens + [mask]).allSatisfy({ $0 >= 0 && Int($0) < vocabulary })
        else { throw node.problem("its tokens, flags and models don't fit") }
        let masked = flags.indices.filter { flags[$0] == 1 }
        let row = ResidualContext.Row(tokens: tokens, masked: masked, ratio: try node.number("t"))
        let batch = ResidualContext().batch([row], model.configuration, reference: reference, mask: mask)
        let noisy = try node.tokens("noisy")
        if batch.sequences[0].tokens != noisy { return "the masked row is another" }
        let shares = try node.numbers("alpha")
        guard shares.count == tokens.count else { throw node.problem("a share is missing") }
        for residual in batch.sequences[0].residuals {
            let failure = Compare.number(
                "the share of position \(residual.row)", Double(residual.share), shares[residual.row],
                absolute: 1e-5)
            if let failure { return failure }
        }
        let parameters = FlatParameters(copying: model)
        let gradient = try BatchGradient(parameters, threads: 1)
        let report = gradient.compute(batch)
        let failure =
            try Compare.number(
                "loss", report.total, try node.member("loss").number("total_loss"), absolute: lossAbsolute,
                relative: lossRelative)
            ?? gradientFailure(gradient.gradient, node, norms: "grad_norms", prefix: "\(id).grad.")
        if let failure { return failure }
        var still = ResidualContext()
        still.flows = false
        _ = gradient.compute(still.batch([row], model.configuration, reference: reference, mask: mask))
        let index = parameters.specifications.firstIndex { $0.specification.role == .embedding } ?? 0
        let norm = Kernels.sumOfSquares(UnsafeBufferPointer(gradient.gradient.elements(of: index)))
        return Compare.number(
            "the norm of the embedding's gradient without the residuals' flow", norm.squareRoot(),
            try node.number("embedding_grad_norm_without_residual_flow"), absolute: 1e-4, relative: 1e-3)
    }
}
