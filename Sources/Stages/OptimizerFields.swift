internal import Recipes
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
