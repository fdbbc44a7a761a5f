internal import Numerics
internal import Recipes
internal import Runs
internal import Training

/// The mask ratio over training, as configurations write it.
struct NoiseFields {
    enum Schedule: String, CaseIterable {
        case progressive
        case linear
        case uniform
        case constant
    }

    private let schedule: Schedule
    private let minimum: Double
    private let maximum: Double

    init(_ fields: Fields) {
        schedule = fields.choice(
            "schedule", default: Schedule.progressive,
            "progressive: drawn between a bound that rises from minimum to maximum, and maximum (released code); linear: "
                + "rises from minimum to maximum (as the paper states it); uniform: drawn between minimum and maximum; "
                + "constant: maximum.")
        minimum = fields.number("minimum", default: 0, in: 0.0...1.0, "Smallest ratio.")
        maximum = fields.number("maximum", default: 0.8, in: 0.0...1.0, "Largest ratio.")
        if minimum > maximum {
            fields.reject(
                "minimum", "The smallest ratio \(minimum) should not exceed the largest, \(maximum).")
        }
    }

    /// The ratio of a step; every schedule makes one draw.
    func ratio(step: Int, of steps: Int, seed: UInt64) -> Double {
        var draws = DistillationStep.draws(.ratio, seed: seed, step: step)
        let draw = draws.nextDouble()
        switch schedule {
        case .constant: return maximum
        case .linear:
            return Curriculum.ratioLowerBound(step: step, of: steps, minimum: minimum, maximum: maximum)
        case .uniform: return minimum + draw * (maximum - minimum)
        case .progressive:
            let lower = Curriculum.ratioLowerBound(step: step, of: steps, minimum: minimum, maximum: maximum)
            return lower + draw * (maximum - lower)
        }
    }
}
