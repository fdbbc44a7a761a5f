internal import ModelStages
internal import Numerics
package import Recipes
package import Training
internal import Transformers

/// One way to train a student on its teacher's answers, as configurations write it.
package protocol DistillationRecipe: Sendable {
    /// Reads the recipe's own keys.
    init(_ fields: Fields)

    /// What one optimiser step learns from; every random draw comes from a stream of the step.
    func batch(_ step: DistillationStep) -> LossBatch

    /// What teacher and student see before an answer.
    var readings: AnswerRow.Readings { get }

    /// How much work an answer is, for forecasts.
    ///
    /// - Parameter response: Tokens of a response, padding included.
    func load(response: Double) -> DistillationLoad
}

extension DistillationRecipe {
    /// The question, for most.
    package var readings: AnswerRow.Readings { AnswerRow.Readings() }
}

/// What a recipe makes a batch from.
package struct DistillationStep {
    /// Which step this is, from 0, and how many there are.
    let index: Int
    let count: Int
    let rows: [AnswerRow]
    let teacher: LoadedModel
    let seed: UInt64
    let threads: Int

    var configuration: TransformerConfiguration { teacher.configuration }
    /// How much of the training is done, from 0 to 1.
    var progress: Double { Double(index) / Double(count) }

    /// The one stream of a recipe whose draws needn't be shared with others.
    var draws: RandomStream { RandomStream(seed: seed, purpose: "distill", sample: UInt64(index)) }

    /// The stream of one purpose and one row of the batch, so that what is drawn for another purpose or row changes
    /// nothing: students of one seed get the same ratios and windows whatever their masks draw.
    func draws(_ purpose: Purpose, row: Int = 0) -> RandomStream {
        Self.draws(purpose, seed: seed, step: index, row: row)
    }

    static func draws(_ purpose: Purpose, seed: UInt64, step: Int, row: Int = 0) -> RandomStream {
        RandomStream(
            seed: seed, purpose: "distill/\(purpose.rawValue)", sample: UInt64(step) << 32 | UInt64(row))
    }

    /// What random numbers are drawn for.
    enum Purpose: String {
        /// The mask ratio of a step.
        case ratio
        /// Where the window of a row lies.
        case window
        /// Which positions of a window are masked.
        case mask
        /// The mask ratios of the windows behind the first of a row.
        case ahead
        /// Which state of a trajectory a row shows.
        case state
    }
}

/// The recipes that configurations can name.
///
/// A new one needs a case here, its type below, and a file of its own.
package enum DistillationRecipes: String, CaseIterable {
    case d3llm
    case dparallel
    case d2f
    case tad
    case rcd

    private var type: any DistillationRecipe.Type {
        switch self {
        case .d3llm: D3LLMRecipe.self
        case .dparallel: DParallelRecipe.self
        case .d2f: D2FRecipe.self
        case .tad: TADRecipe.self
        case .rcd: RCDRecipe.self
        }
    }

    private var summary: String {
        switch self {
        case .d3llm: "Windows masked as a teacher's trajectory had them, with curricula (arXiv 2601.07568)."
        case .dparallel: "Certainty forcing on random masks, without trajectories (dParallel)."
        case .d2f: "A block-causal student learns from the teacher that sees everything (arXiv 2508.09192)."
        case .tad:
            "Tokens that come next, and a teacher's distributions of what comes later, which has read the answer (arXiv 2605.09536)."
        case .rcd:
            "Random masks that a frozen reference's predictions are mixed into; the stage's teacher is the reference (arXiv 2601.22954)."
        }
    }

    /// The chosen recipe with its options, which stand under its name.
    static func read(_ fields: Fields) -> (name: DistillationRecipes, recipe: any DistillationRecipe) {
        let chosen = fields.choice(
            "recipe", default: DistillationRecipes.d3llm,
            "How the student is trained; the recipe's options stand under its name.")
        var found: (any DistillationRecipe)?
        for name in allCases {
            if name == chosen {
                found = fields.object(name.rawValue, name.summary) { name.type.init($0) }
            } else if fields.optionalObject(name.rawValue, name.summary, { name.type.init($0) }) != nil {
                fields.reject(
                    name.rawValue,
                    "These are options of the recipe \(name.rawValue); this stage's is \(chosen.rawValue).")
            }
        }
        guard let found else { preconditionFailure("every choice is one of the cases") }
        return (chosen, found)
    }
}
