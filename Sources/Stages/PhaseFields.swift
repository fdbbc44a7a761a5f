internal import Numerics
internal import Pipeline
internal import Training
internal import Transformers

/// One phase of pretraining, as configurations write it.
struct PhaseFields {
    private let name: String
    let steps: Int
    private let mixture: [PretrainingShare]
    private let windowLength: Int
    private let paddingWeight: Double
    private let optimizer: OptimizerFields

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
        _ index: Int, _ examples: [TrainingExample], _ configuration: TransformerConfiguration, mask: Int32,
        seed: UInt64, threads: Int
    ) -> TrainingLoop.Phase {
        let batcher = PretrainingBatcher(
            shares: mixture, windowLength: windowLength, paddingWeight: Float(paddingWeight), maskToken: mask)
        let purpose = "pretrain/\(index)/\(name)"
        let order = OrderBox(ShuffledOrder(count: examples.count, seed: seed, purpose: purpose))
        return TrainingLoop.Phase(
            name: name, steps: steps, schedule: optimizer.schedule(steps: steps),
            maximumNorm: optimizer.maximumNorm,
            makeOptimizer: { optimizer.make(configuration, threads: threads) },
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

/// An optimiser with its schedule, as configurations write it.
struct OptimizerFields {
    enum Kind: String, CaseIterable {
        case adamw
        case muon
    }

    private let kind: Kind
    private let learningRate: Double
    private let muonLearningRate: Double
    private let beta1: Double
    private let beta2: Double
    private let decay: Double
    private let decayRule: WeightDecayRule
    private let warmup: Int
    private let decayShare: Double
    private let finalFactor: Double
    let maximumNorm: Double

    init(
        _ fields: Fields, learningRate: Double, decay: Double, warmup: Int, decayShare: Double,
        kind: Kind = .muon, rule: WeightDecayRule = .matrices, beta2: Double = 0.98
    ) {
        self.kind = fields.choice(
            "kind", default: kind, "adamw, or muon for the blocks' matrices with adamw for the rest.")
        self.learningRate = fields.number(
            "learningRate", default: learningRate, in: .above(0), "Rate of AdamW.")
        muonLearningRate = fields.number("muonLearningRate", default: 0.02, in: .above(0), "Rate of Muon.")
        beta1 = fields.number("beta1", default: 0.9, in: 0.0..<1.0, "AdamW's decay of the first moment.")
        self.beta2 = fields.number(
            "beta2", default: beta2, in: 0.0..<1.0, "AdamW's decay of the second moment.")
        self.decay = fields.number("weightDecay", default: decay, in: 0.0..., "Decoupled weight decay.")
        decayRule = fields.choice(
            "decayRule", default: rule,
            "Which parameters AdamW decays: matrices only, or by name as the released training code does.")
        self.warmup = fields.integer("warmup", default: warmup, in: 0..., "Steps of linear warm-up.")
        self.decayShare = fields.number(
            "decayShare", default: decayShare, in: 0.0...1.0,
            "Share of the steps, at the end, with falling rate.")
        finalFactor = fields.number(
            "finalFactor", default: 0.02, in: 0.0...1.0, "Factor on the rate that the fall ends at.")
        maximumNorm = fields.number("clip", default: 1, in: .above(0), "Largest L2 norm of the gradient.")
    }

    func schedule(steps: Int) -> LearningRateSchedule {
        LearningRateSchedule(steps: steps, warmup: warmup, decayShare: decayShare, finalFactor: finalFactor)
    }

    func make(_ configuration: TransformerConfiguration, threads: Int) -> any Optimizer {
        let adam = AdamW.Options(learningRate: learningRate, beta1: beta1, beta2: beta2, decay: decay)
        switch kind {
        case .muon:
            return Muon(
                configuration, .init(learningRate: muonLearningRate, decay: decay), adam: adam,
                threads: threads)
        case .adamw:
            let rule = decayRule
            return AdamW(configuration, adam) { rule.decays($0, name: LLaDAFamily.name(of: $0.role)) }
        }
    }
}
