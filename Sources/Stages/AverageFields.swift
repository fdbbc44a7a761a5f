internal import Recipes
internal import Training

/// Averaged weights as the result of a training, as configurations write it.
enum AverageFields {
    /// The key `average` of the kinds that train.
    static func read(_ fields: Fields) -> WeightAverage.Options? {
        fields.optionalObject(
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
    }
}

extension WeightAverage.Options {
    /// What the summary of a model says of it.
    func sentence(steps: Int) -> String {
        let kind = decay.map { "exponential mean (\($0)) of the" } ?? "mean of the"
        return "\(kind) weights of the last \(count(of: steps)) steps"
    }
}
