import Numerics
import Testing

@testable import Decoding

@Suite struct SamplingTests {
    private let logits: [Float] = [
        Float(Elementary.log(0.6)), Float(Elementary.log(0.3)), Float(Elementary.log(0.1)),
    ]

    private func draw(
        _ logits: [Float], _ choice: TokenChoice, _ sampling: Sampling = Sampling(seed: 1, sample: 4),
        step: Int = 0, position: Int = 0
    ) -> Prediction {
        logits.withUnsafeBufferPointer {
            RowScorer.prediction(
                at: position, $0, choice: choice, draws: SamplingStep(sampling, step: step))
        }
    }

    @Test(arguments: [TokenChoice.Form.gumbel, .softmax, .tempered])
    func temperatureZeroTakesTheMostProbableToken(_ form: TokenChoice.Form) {
        for position in 0..<20 {
            #expect(draw([0, 0.01, 0], TokenChoice(form), position: position).token == 1)
        }
    }

    @Test(arguments: [TokenChoice.Form.gumbel, .softmax, .tempered])
    func drawsAreReproducibleAndDifferByEveryKey(_ form: TokenChoice.Form) {
        let logits = [Float](repeating: 0, count: 1000)
        let choice = TokenChoice(form, temperature: 1)
        let base = draw(logits, choice).token
        #expect(draw(logits, choice).token == base)
        #expect(draw(logits, choice, Sampling(seed: 2, sample: 4)).token != base)
        #expect(draw(logits, choice, Sampling(seed: 1, sample: 4, attempt: 1)).token != base)
        #expect(draw(logits, choice, Sampling(seed: 1, sample: 5)).token != base)
        #expect(draw(logits, choice, step: 1).token != base)
        #expect(draw(logits, choice, position: 1).token != base)
    }

    /// Five tokens; the expected shares are softmax(logits / T) in double precision.
    ///
    /// LLaDA's argmax(exp(x) / (−ln u)^T) has the same: its logarithm is T · (x / T + Gumbel noise).
    @Test(arguments: [TokenChoice.Form.gumbel, .softmax, .tempered], [0.3, 1, 2.5])
    func tokensAreDrawnFromTheTemperedSoftmax(_ form: TokenChoice.Form, _ temperature: Double) {
        let logits: [Float] = [0.5, -1, 1.25, 0, -0.5]
        let weights = logits.map { Elementary.exp(Double($0) / temperature) }
        let shares = weights.map { $0 / weights.reduce(0, +) }
        var counts = [0, 0, 0, 0, 0]
        for position in 0..<20_000 {
            counts[
                Int(draw(logits, TokenChoice(form, temperature: temperature), position: position).token)] +=
                1
        }
        #expect(ChiSquare.agrees(counts, shares))
    }

    @Test func stepsGiveIndependentDraws() {
        // Pairs of neighbouring steps fall evenly on the four combinations of two equal tokens.
        for form in [TokenChoice.Form.gumbel, .softmax] {
            let choice = TokenChoice(form, temperature: 1)
            var counts = [0, 0, 0, 0]
            for sample in 0..<4000 {
                let sampling = Sampling(seed: 3, sample: UInt64(sample))
                let (a, b) = (draw([0, 0], choice, sampling), draw([0, 0], choice, sampling, step: 1))
                counts[Int(2 * a.token + b.token)] += 1
            }
            #expect(ChiSquare.agrees(counts, [0.25, 0.25, 0.25, 0.25]))
        }
    }

    @Test(arguments: [TokenChoice.Form.gumbel, .softmax])
    func confidenceIsTheDrawnTokensProbabilityWithoutTemperature(_ form: TokenChoice.Form) {
        let shares = [0.6, 0.3, 0.1]
        for position in 0..<50 {
            let drawn = draw(logits, TokenChoice(form, temperature: 2), position: position)
            #expect(abs(drawn.probability - shares[Int(drawn.token)]) < 1e-5)
            #expect(abs(drawn.doubt - (1 - drawn.probability)) < 1e-6)
            #expect(drawn.best == 0 && abs(drawn.bestDoubt - 0.4) < 1e-5)
            #expect(abs(drawn.entropy - 0.8979457) < 1e-5)
        }
    }

    @Test func dreamsConfidenceIsThatOfTheDistributionDrawnFrom() {
        let weights = [0.6, 0.3].map { $0.squareRoot() }
        let shares = weights.map { $0 / (weights[0] + weights[1]) }
        var seen: Set<Int32> = []
        for position in 0..<50 {
            let drawn = draw(logits, TokenChoice(.tempered, temperature: 2, topK: 2), position: position)
            seen.insert(drawn.token)
            #expect(abs(drawn.probability - shares[Int(drawn.token)]) < 1e-5)
            #expect(abs(drawn.marginDoubt - (1 - shares[0] + shares[1])) < 1e-5)
        }
        #expect(seen == [0, 1])
    }

    @Test func aSequenceThatNobodyNamedDrawsByItsPrompt() {
        #expect(Sampling(prompt: [1, 2, 3]) == Sampling(prompt: [1, 2, 3]))
        #expect(Sampling(prompt: [1, 2, 3]) != Sampling(prompt: [1, 3, 2]))
        #expect(Sampling(prompt: [1, 2, 3]) != Sampling(prompt: [1, 2]))
    }
}

/// Pearson's test of observed counts against expected shares.
enum ChiSquare {
    /// Whether the counts are as likely as one in a million under the shares.
    ///
    /// The statistic with k − 1 degrees of freedom is compared by Wilson and Hilferty's normal approximation.
    static func agrees(_ counts: [Int], _ shares: [Double]) -> Bool {
        let total = Double(counts.reduce(0, +))
        var statistic = 0.0
        for (count, share) in zip(counts, shares) {
            if share == 0 {
                if count > 0 { return false }
                continue
            }
            let expected = total * share
            statistic += (Double(count) - expected) * (Double(count) - expected) / expected
        }
        let freedom = Double(shares.count { $0 > 0 } - 1)
        let spread = 2 / (9 * freedom)
        let normal = (Elementary.pow(statistic / freedom, 1.0 / 3) - (1 - spread)) / spread.squareRoot()
        return normal < 4.75
    }
}
