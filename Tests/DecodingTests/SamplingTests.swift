import Numerics
import Testing

@testable import Decoding

@Suite struct SamplingTests {
    private func draw(_ logits: [Float], _ sampling: Sampling, step: Int = 0, position: Int = 0) -> Prediction
    {
        logits.withUnsafeBufferPointer {
            RowScorer.prediction(at: position, $0, sampling: SamplingStep(sampling, step: step))
        }
    }

    private func sampling(_ temperature: Double, seed: UInt64 = 1, attempt: Int = 0) -> Sampling {
        Sampling(temperature: temperature, seed: seed, sample: 4, attempt: attempt)
    }

    @Test func temperatureZeroTakesTheMostProbableToken() {
        for position in 0..<20 { #expect(draw([0, 0.01, 0], sampling(0), position: position).token == 1) }
    }

    @Test func drawsAreReproducibleAndDifferByEveryKey() {
        let logits = [Float](repeating: 0, count: 1000)
        let base = draw(logits, sampling(1)).token
        #expect(draw(logits, sampling(1)).token == base)
        #expect(draw(logits, sampling(1, seed: 2)).token != base)
        #expect(draw(logits, sampling(1, attempt: 1)).token != base)
        #expect(draw(logits, sampling(1), step: 1).token != base)
        #expect(draw(logits, sampling(1), position: 1).token != base)
        var other = sampling(1)
        other.sample = 5
        #expect(draw(logits, other).token != base)
    }

    @Test func temperatureOneDrawsFromTheSoftmax() {
        let logits: [Float] = [
            Float(Elementary.log(0.6)), Float(Elementary.log(0.3)), Float(Elementary.log(0.1)),
        ]
        var counts = [0, 0, 0]
        for position in 0..<20_000 { counts[Int(draw(logits, sampling(1), position: position).token)] += 1 }
        // Four standard deviations of a share of 0.6 among 20,000 are 0.014.
        for (count, share) in zip(counts, [0.6, 0.3, 0.1]) {
            #expect(abs(Double(count) / 20_000 - share) < 0.014)
        }
    }

    @Test func confidenceIsTheDrawnTokensProbability() {
        let logits: [Float] = [
            Float(Elementary.log(0.6)), Float(Elementary.log(0.3)), Float(Elementary.log(0.1)),
        ]
        let shares = [0.6, 0.3, 0.1]
        for position in 0..<50 {
            let drawn = draw(logits, sampling(2), position: position)
            #expect(abs(drawn.probability - shares[Int(drawn.token)]) < 1e-5)
            #expect(abs(drawn.doubt - (1 - drawn.probability)) < 1e-6)
        }
    }
}
