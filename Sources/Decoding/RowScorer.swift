internal import Numerics

/// Turns a row of logits (V) into a ``Prediction``.
enum RowScorer {
    /// Above this probability single precision no longer orders predictions reliably, so ``Prediction/doubt``
    /// and the entropy are summed in double precision, which upstream does for every row.
    static let exactAbove: Float = 0.9999

    /// The prediction that `choice` makes of a row of logits.
    ///
    /// - Parameter draws: random numbers; nil takes the most probable token whatever the temperature.
    static func prediction(
        at position: Int, _ logits: UnsafeBufferPointer<Float>, choice: TokenChoice = TokenChoice(),
        draws: SamplingStep? = nil
    ) -> Prediction {
        if let repetition = choice.repetition {
            var choice = choice
            choice.repetition = nil
            return repetition.applied(to: logits).withUnsafeBufferPointer {
                prediction(at: position, $0, choice: choice, draws: draws)
            }
        }
        guard let limited = LimitedRow(logits, choice) else {
            return score(at: position, logits, choice, draws)
        }
        var found = limited.logits.withUnsafeBufferPointer { score(at: position, $0, choice, draws) }
        found.token = limited.token(at: found.token)
        found.best = limited.token(at: found.best)
        return found
    }

    private static func score(
        at position: Int, _ logits: UnsafeBufferPointer<Float>, _ choice: TokenChoice, _ draws: SamplingStep?
    ) -> Prediction {
        let score = Kernels.score(logits)
        var prediction = Prediction(
            position: position, token: score.token, probability: Double(score.probability),
            secondProbability: Double(score.secondProbability), entropy: Double(score.entropy))
        if score.probability > exactAbove { refine(&prediction, logits) }
        prediction.bestDoubt = prediction.doubt
        if let draws, choice.temperature > 0 {
            let token = draws.token(for: position, logits, choice)
            if token != score.token {
                let gap = Double(logits[Int(token)]) - Double(logits[Int(score.token)])
                prediction.token = token
                prediction.probability *= Elementary.exp(gap)
                prediction.doubt = 1 - prediction.probability
            }
        }
        return prediction
    }

    /// Sums what the most probable token leaves over, in double precision.
    ///
    /// With t the sum of exp(x − top) over the other tokens, p = 1 / (1 + t) and
    /// H = ln(1 + t) + Σ exp(x − top) · (top − x) / (1 + t).
    private static func refine(_ prediction: inout Prediction, _ logits: UnsafeBufferPointer<Float>) {
        let best = Int(prediction.token)
        let top = Double(logits[best])
        var tail = 0.0
        var weighted = 0.0
        for index in 0..<logits.count where index != best {
            let z = Double(logits[index]) - top
            guard z > -700 else { continue }
            let e = Elementary.exp(z)
            tail += e
            weighted -= e * z
        }
        prediction.doubt = tail / (1 + tail)
        prediction.probability = 1 - prediction.doubt
        // ln(1 + t) by its series: t is at most 1e-4 here, and Elementary has no log1p.
        let logarithm = tail * (1 - tail * (1.0 / 2 - tail * (1.0 / 3 - tail / 4)))
        prediction.entropy = logarithm + weighted / (1 + tail)
    }
}
