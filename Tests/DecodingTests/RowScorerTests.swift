import Numerics
import Testing

@testable import Decoding

@Suite struct RowScorerTests {
    /// Softmax, entropy and what is left over, summed plainly in double precision.
    private func reference(_ logits: [Float]) -> (probability: Double, doubt: Double, entropy: Double) {
        let top = Double(logits.max() ?? 0)
        let weights = logits.map { Elementary.exp(Double($0) - top) }
        let sum = weights.reduce(0, +)
        let entropy = -weights.reduce(0) { $0 + ($1 > 0 ? $1 / sum * Elementary.log($1 / sum) : 0) }
        let rest = weights.sorted().dropLast().reduce(0, +)
        return (weights.max()! / sum, rest / sum, entropy)
    }

    private func score(_ logits: [Float]) -> Prediction {
        logits.withUnsafeBufferPointer { RowScorer.prediction(at: 3, $0) }
    }

    @Test(
        arguments: [
            [0.5, 1, -2, 0.25], [3, 2.5, -1, 0], [12, 1, 0, -1], [30, 3, 2, -20], [60, 3, 2, -20],
        ] as [[Float]])
    func agreesWithDoublePrecision(_ logits: [Float]) {
        let found = score(logits)
        let expected = reference(logits)
        #expect(abs(found.probability - expected.probability) < 1e-6)
        #expect(abs(found.entropy - expected.entropy) < 1e-5)
        if found.probability > 0.9999 {
            #expect(abs(found.doubt - expected.doubt) <= 1e-9 * expected.doubt)
            #expect(abs(found.entropy - expected.entropy) <= 1e-6 * expected.entropy + 1e-15)
        }
    }

    @Test func saturatedRowsStayOrdered() {
        let surer = score([31, 0, 0, 0])
        let sure = score([30, 0, 0, 0])
        #expect(Float(sure.probability) == 1 && Float(surer.probability) == 1)
        #expect(surer.doubt < sure.doubt && surer.entropy < sure.entropy)
    }

    @Test func theLowestTokenWinsATie() { #expect(score([1, 4, 4, 2]).token == 1) }

    @Test func onlyTheMostProbableTokensCountWhenAskedFor() {
        let logits: [Float] = [0.5, 3, -1, 2.5, 2.5, 1]
        func score(_ topK: Int?) -> Prediction {
            logits.withUnsafeBufferPointer {
                RowScorer.prediction(at: 3, $0, choice: TokenChoice(topK: topK))
            }
        }
        #expect(score(nil) == self.score(logits) && score(6) == self.score(logits))
        // Two tokens are equally the second most probable one, so both stay.
        let few = reference([3, 2.5, 2.5])
        for topK in 2...3 {
            #expect(score(topK).token == 1)
            #expect(abs(score(topK).probability - few.probability) < 1e-6)
            #expect(abs(score(topK).entropy - few.entropy) < 1e-5)
        }
        #expect(score(1).probability == 1 && score(1).entropy == 0)
    }
}
