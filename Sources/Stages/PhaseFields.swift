internal import Numerics
internal import Recipes
internal import Training
internal import Transformers

/// One phase of pretraining, as configurations write it.
struct PhaseFields {
    let name: String
    let steps: Int
    let mixture: [PretrainingShare]
    let windowLength: Int
    let paddingWeight: Double
    let optimizer: OptimizerFields

    init(_ fields: Fields) {
        name = fields.string("name", "Name in logs; also part of what random numbers are keyed by.")
        steps = fields.integer("steps", in: 1...10_000_000, "Optimiser steps.")
        mixture = fields.objects("mixture", atLeast: 1, "Which rows a batch is made of.") { share in
            PretrainingShare(
                share.choice("objective", "What the rows are trained on."),
                rows: share.integer("rows", in: 1...65_536, "Rows of a batch."),
                weight: Float(share.number("weight", default: 1, in: 0.0..., "Factor on their loss.")))
        }
        windowLength = fields.integer(
            "windowLength", default: 8, in: 1...65_536, "Window of the objective masked-window, in tokens.")
        paddingWeight = fields.number(
            "paddingWeight", default: 0.02, in: 0.0...1.0,
            "Weight of the padding behind the end token in the autoregressive loss.")
        optimizer = fields.object("optimizer", "How the parameters are updated.") {
            OptimizerFields($0, learningRate: 1e-3, decay: 0.05, warmup: 100, decayShare: 0.4)
        }
    }

    func phase(
        _ index: Int, _ examples: [TrainingExample], _ configuration: TransformerConfiguration,
        family: any ModelFamily.Type, mask: Int32, seed: UInt64, threads: Int
    ) -> TrainingLoop.Phase {
        let batcher = PretrainingBatcher(
            shares: mixture, windowLength: windowLength, paddingWeight: Float(paddingWeight), maskToken: mask)
        let purpose = "pretrain/\(index)/\(name)"
        let order = OrderBox(ShuffledOrder(count: examples.count, seed: seed, purpose: purpose))
        return TrainingLoop.Phase(
            name: name, steps: steps, schedule: optimizer.schedule(steps: steps),
            maximumNorm: optimizer.maximumNorm,
            makeOptimizer: { optimizer.make(configuration, family: family, threads: threads) },
            batch: { step in
                var draws = RandomStream(seed: seed, purpose: purpose, sample: UInt64(step))
                let size = batcher.batchSize
                let rows = (0..<size).map { examples[order.value.index(step * size + $0)] }
                return batcher.batch(rows, configuration, &draws)
            })
    }
}

/// Lets closures share the cached permutation of a data order.
final class OrderBox {
    var value: ShuffledOrder
    init(_ value: ShuffledOrder) { self.value = value }
}
