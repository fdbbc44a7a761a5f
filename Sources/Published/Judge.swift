internal import Evaluation

/// Judges reproduced numbers by the tolerances.
struct Judge {
    let tolerances: Tolerances
    /// The problems of the benchmark in question; nil where the benchmark isn't known.
    let problems: Int?

    /// How far apart two values of a metric may be: to match, and by chance; both in the metric's unit.
    struct Bounds: Hashable {
        let tolerance: Double
        let noise: Double
    }

    /// - Parameters:
    ///   - accuracies: The published and reproduced accuracy in percent of the same cell, for metrics that depend on it.
    /// - Returns: nil where the metric isn't compared at all.
    func bounds(
        _ metric: String, published: Double, reproduced: Double, accuracies: (Double, Double)? = nil
    ) -> Bounds? {
        guard let rule = tolerances.metrics[metric], let problems else { return nil }
        let tolerance =
            switch rule.unit {
            case .points: rule.tolerance
            case .percent: published.magnitude * rule.tolerance / 100
            }
        switch rule.noise {
        case .machine: return nil
        case .binomial:
            return Bounds(
                tolerance: tolerance, noise: Self.noise(published, reproduced, problems: problems))
        case .mean:
            return Bounds(
                tolerance: tolerance, noise: published.magnitude * relativeNoise(rule, problems: problems))
        case .derived(let sensitivity):
            guard let (left, right) = accuracies, left > 0, let speed = tolerances.metrics["TPF"] else {
                return nil
            }
            let ofSpeed = relativeNoise(speed, problems: problems)
            let ofAccuracy = sensitivity * Self.noise(left, right, problems: problems) / left
            let both = (ofSpeed * ofSpeed + ofAccuracy * ofAccuracy).squareRoot()
            return Bounds(tolerance: tolerance, noise: published.magnitude * both)
        }
    }

    func verdict(_ published: Double, _ reproduced: Double, _ bounds: Bounds) -> Verdict {
        let difference = (published - reproduced).magnitude
        // Published numbers have few digits: a difference of exactly the tolerance mustn't fail in the last bit.
        if difference <= bounds.tolerance * (1 + 1e-9) { return .match }
        return difference <= bounds.noise ? .withinNoise : .differs
    }

    private func relativeNoise(_ rule: Tolerances.Rule, problems: Int) -> Double {
        guard case .mean(let variation, let share, let skipped) = rule.noise else { return 0 }
        let counted = max(1, (Double(problems) * share).rounded(.down) - Double(skipped))
        return WilsonInterval.z95 * variation / counted.squareRoot()
    }

    /// Half of the 95 % interval of the difference of two proportions, in percent points, on the side towards zero:
    /// a difference that is smaller can't be told from none (Newcombe 1998, method 10).
    static func noise(_ published: Double, _ reproduced: Double, problems: Int) -> Double {
        func interval(_ percent: Double) -> WilsonInterval {
            let correct = (percent / 100 * Double(problems)).rounded()
            return WilsonInterval(
                correct: Int(min(max(0, correct), Double(problems))), count: problems)
        }
        let (greater, smaller) = (max(published, reproduced), min(published, reproduced))
        let below = greater - interval(greater).lower
        let above = interval(smaller).upper - smaller
        return (below * below + above * above).squareRoot()
    }
}
