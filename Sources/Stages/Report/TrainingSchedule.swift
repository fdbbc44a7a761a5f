internal import Recipes
internal import Runs
internal import Training

/// What a training recipe did over its steps, computed from the recipe and its seed as the training did.
struct TrainingSchedule {
    struct Curve {
        let title: String
        /// What the legend calls it.
        let name: String
        let unit: String
        let points: [(Double, Double)]
    }

    private(set) var curves: [Curve] = []
    /// What can't be drawn, as a sentence; empty where all can.
    private(set) var note = ""

    init(_ stage: (any StageDescription)?, seed: UInt64) {
        switch stage {
        case let stage as DistillStage: distillation(stage, seed: seed)
        case let stage as PretrainStage:
            var step = 0.0
            var points: [(Double, Double)] = []
            for phase in stage.phases {
                points += [
                    (step + 1, Double(phase.windowLength)),
                    (step + Double(phase.steps), Double(phase.windowLength)),
                ]
                step += Double(phase.steps)
            }
            if stage.phases.count > 1 {
                curves = [
                    Curve(
                        title: "Window of the masked objectives", name: "window", unit: "tokens",
                        points: points)
                ]
            }
        default:
            note = "Mask ratio and window aren't drawn: the run has no configuration to compute them from."
        }
    }

    private mutating func distillation(_ stage: DistillStage, seed: UInt64) {
        guard let recipe = stage.recipe as? D3LLMRecipe else {
            note =
                "The recipe \(stage.recipeName.rawValue) has no schedule of mask ratio or window."
            return
        }
        let steps = stage.steps
        let ratios = (0..<steps).map { step in
            (Double(step + 1), recipe.noise.ratio(step: step, of: steps, seed: seed))
        }
        let lengths = recipe.windowLengths
        let windows = (0..<steps).map { step -> (Double, Double) in
            let epoch = Double(step) / Double(steps) * Double(lengths.count)
            return (Double(step + 1), Double(Curriculum.windowLength(lengths, epoch: epoch)))
        }
        curves = [
            Curve(title: "Mask ratio", name: "ratio", unit: "share", points: ratios),
            Curve(title: "Window", name: "window", unit: "tokens", points: windows),
        ]
    }
}
