internal import Documents
internal import JSON
internal import Numerics
internal import SystemPackage
internal import Training
internal import Transformers

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
