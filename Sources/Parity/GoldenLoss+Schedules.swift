internal import Documents
internal import JSON
internal import Numerics
internal import SystemPackage
internal import Training
internal import Transformers

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
