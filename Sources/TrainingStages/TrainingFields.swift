internal import Numerics
internal import Recipes
internal import StageBasics
internal import Training
internal import Transformers

/// An optimiser with its schedule, as configurations write it.
struct OptimizerFields {
    enum Kind: String, CaseIterable {
        case adamw
        case muon
    }

    let kind: Kind
    private let learningRate: Double
    private let muonLearningRate: Double
    private let beta1: Double
    private let beta2: Double
    private let decay: Double
    private let decayRule: WeightDecayRule
    private let warmup: Int
    private let decayShare: Double
    private let finalFactor: Double
    private let decayShape: LearningRateSchedule.Shape?
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
        decayShape = fields.optionalChoice(
            "decayShape",
            "How the rate falls: linear, which is meant where the key is absent, or cosine, as half a wave.")
        maximumNorm = fields.number("clip", default: 1, in: .above(0), "Largest L2 norm of the gradient.")
    }

    /// Refuses an optimiser that adapters aren't trained with.
    func rejectForAdapters(_ fields: Fields) {
        guard kind != .adamw else { return }
        fields.reject("adapter", "An adapter is trained with adamw; muon is for the blocks' whole matrices.")
    }

    func schedule(steps: Int) -> LearningRateSchedule {
        LearningRateSchedule(
            steps: steps, warmup: warmup, decayShare: decayShare, finalFactor: finalFactor,
            shape: decayShape ?? .linear)
    }

    /// An optimiser of all of a model's parameters.
    /// - Parameter family: whose names of the parameters decide what decays under the upstream rule.
    func make(
        _ configuration: TransformerConfiguration, family: any ModelFamily.Type, threads: Int
    ) -> any Optimizer {
        switch kind {
        case .muon:
            return Muon(
                configuration, .init(learningRate: muonLearningRate, decay: decay), adam: adam,
                threads: threads)
        case .adamw:
            let rule = decayRule
            return AdamW(configuration, adam, threads: threads) {
                rule.decays($0, name: family.name(of: $0.role))
            }
        }
    }

    /// An optimiser of an adapter's matrices, which all decay under either rule.
    func make(_ adapter: AdapterTraining, threads: Int) -> any Optimizer {
        AdamW(adapter.counts.map { ($0, true) }, adam, threads: threads)
    }

    private var adam: AdamW.Options {
        AdamW.Options(learningRate: learningRate, beta1: beta1, beta2: beta2, decay: decay)
    }
}

/// The blocks of objectives that have some, as configurations write them.
struct BlockFields {
    let length: Int
    let groupSize: Int

    /// - Parameter objectives: what is trained on; keys that none of them looks at are refused.
    init(_ fields: Fields, _ objectives: [PretrainingObjective]) {
        let given = fields.optionalInteger(
            "blockLength", in: 1...65_536,
            "Tokens per block of the objectives complementary-blocks, next-block, block-ratio and multi-block; 8 where the key is absent."
        )
        let group = fields.optionalInteger(
            "groupSize", in: 2...1024,
            "Blocks at most that the objective multi-block masks together; 4 where the key is absent.")
        (length, groupSize) = (given ?? 8, group ?? 4)
        if given != nil, !objectives.contains(where: \.hasBlocks) {
            fields.reject(
                "blockLength",
                "The objectives here have no blocks; complementary-blocks, next-block, block-ratio and multi-block do."
            )
        }
        if group != nil, !objectives.contains(.multiBlock) {
            fields.reject("groupSize", "Only the objective multi-block masks blocks in groups.")
        }
    }
}

extension PretrainingObjective {
    /// Refuses a model that sees the blocks up to a token's own to objectives that show it everything.
    static func check(
        _ objectives: some Sequence<PretrainingObjective>, _ name: String, _ attention: AttentionPattern
    ) throws(DataError) {
        guard case .blockCausal(_, let length) = attention,
            let other = objectives.first(where: { !$0.hasBlocks })
        else { return }
        throw DataError(
            description:
                "\(name) sees the blocks of \(length) tokens up to a token's own; the objective \(other.rawValue) shows it everything. Objectives for it are complementary-blocks, next-block, block-ratio and multi-block."
        )
    }
}

/// One phase of pretraining, as configurations write it.
package struct PhaseFields {
    let name: String
    package let steps: Int
    let mixture: [PretrainingShare]
    package let windowLength: Int
    let blocks: BlockFields
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
        blocks = BlockFields(fields, mixture.map(\.objective))
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
            shares: mixture, windowLength: windowLength, paddingWeight: Float(paddingWeight), maskToken: mask,
            blockLength: blocks.length, groupSize: blocks.groupSize)
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

/// A low-rank adapter to train instead of all parameters, as configurations write it.
struct AdapterFields {
    /// The matrices of a block.
    enum Target: String, CaseIterable {
        case query, key, value, attentionOutput, gate, up, down

        var role: ParameterRole.BlockRole {
            switch self {
            case .query: .query
            case .key: .key
            case .value: .value
            case .attentionOutput: .attentionOutput
            case .gate: .gate
            case .up: .up
            case .down: .down
            }
        }
    }

    /// How a changed layer is computed; part of the recipe, so that students of another form aren't taken for these.
    private enum Form: String, CaseIterable {
        case apart
    }

    let options: AdapterTraining.Options
    /// How the base is kept in memory; nil where it stays as it is stored.
    let base: FrozenForm?

    /// The key `adapter` of the kinds that train one.
    static func read(_ fields: Fields) -> AdapterFields? {
        fields.optionalObject("adapter", "Train a low-rank adapter (LoRA) instead of all parameters.") {
            AdapterFields($0)
        }
    }

    init(_ fields: Fields) {
        options = AdapterTraining.Options(
            rank: fields.integer(
                "rank", default: 8, in: 1...65_536, "Rank of the changes; published training: 256."),
            alpha: fields.number(
                "alpha", default: 16, in: .above(0),
                "The change is alpha / rank times the product of its factors."),
            targets: fields.choices(
                "targets", default: [Target.query, .key, .value, .up], atLeast: 1,
                "Matrices of each block that change; by default those that the published training changed in LLaDA."
            ).map(\.role))
        _ = fields.choice(
            "form", default: Form.apart,
            "How a changed layer is computed. apart: W x + s B (A x), the weights as they are (there is no other form any "
                + "more; it stands in recipes because weights with the change in them gave other last bits).")
        base = fields.optionalChoice(
            "base",
            "How the model that the adapter changes is kept: stored, which is meant where the key is absent, in its files, "
                + "mapped; or int8, linear layers in memory as 8-bit integers with a scale per output, which takes half of "
                + "bfloat16's memory and rounds them. The student is the adapter with the model as it is stored."
        )
    }
}

/// How a training computes, how often it is kept, and what of its last steps is the result, as configurations of every
/// kind that trains write it.
package struct LoopFields {
    /// How the weights of the last phase are averaged; nil where those after its last step are the result.
    let average: WeightAverage.Options?
    private let chosenPrecision: TrainingPrecision?
    /// Seconds between checkpoints.
    let checkpointSeconds: Double

    /// What products of linear layers are computed in.
    var precision: TrainingPrecision { chosenPrecision ?? .float32 }

    init(_ fields: Fields) {
        average = fields.optionalObject(
            "average",
            "Make the mean of the weights after each of the last steps of the last phase the result, instead of the "
                + "weights after the very last one; of an adapter, the mean of its matrices."
        ) { average in
            WeightAverage.Options(
                last: average.number(
                    "last", default: 0.3, in: .above(0, upTo: 1),
                    "Share of the steps, at the end, that are averaged."),
                decay: average.optionalNumber(
                    "decay", in: 0.0..<1.0,
                    "An exponential mean (EMA) of these steps, which keeps that share of itself at each; absent: the plain "
                        + "mean."))
        }
        chosenPrecision = fields.optionalChoice(
            "precision",
            "What products of linear layers are computed in: float32, which is meant where the key is absent, or "
                + "bfloat16 with 32-bit sums. The weights that are trained are 32-bit floats in either.")
        checkpointSeconds = fields.number(
            "checkpointSeconds", default: 20, in: 0.0...86_400,
            "Seconds between checkpoints, and so the most that a kill can cost; 0 makes one after each step.",
            role: .execution)
    }
}

extension WeightAverage.Options {
    /// What the summary of a model says of it.
    func sentence(steps: Int) -> String {
        let kind = decay.map { "exponential mean (\($0)) of the" } ?? "mean of the"
        return "\(kind) weights of the last \(count(of: steps)) steps"
    }
}
