import Numerics
import Testing
import Transformers

@testable import Training

@Suite struct TrainingExampleTests {
    @Test("responses are padded with end tokens; the first of them belongs to the response")
    func padding() throws {
        let example = try #require(
            TrainingExample(prompt: [7, 8], response: [1, 2, 3], endToken: 0, generationLength: 6))
        #expect(example.response == [1, 2, 3, 0, 0, 0] && example.responseLength == 4)
        #expect(example.tokens == [7, 8, 1, 2, 3, 0, 0, 0])
        let tight = TrainingExample(prompt: [], response: [1, 2, 3], endToken: 0, generationLength: 4)
        #expect(tight?.response == [1, 2, 3, 0] && tight?.responseLength == 4)
        #expect(TrainingExample(prompt: [], response: [1, 2, 3], endToken: 0, generationLength: 3) == nil)
    }

    @Test("each epoch visits every example once, in another order; any index can be asked for first")
    func order() {
        var order = ShuffledOrder(count: 50, seed: 3, purpose: "test")
        let epochs = (0..<4).map { epoch in (0..<50).map { order.index(epoch * 50 + $0) } }
        for epoch in epochs { #expect(epoch.sorted() == Array(0..<50)) }
        #expect(Set(epochs).count == 4)
        var late = ShuffledOrder(count: 50, seed: 3, purpose: "test")
        #expect(late.index(137) == epochs[2][37])
        #expect(late.index(2) == epochs[0][2])
        var other = ShuffledOrder(count: 50, seed: 4, purpose: "test")
        #expect((0..<50).map { other.index($0) } != epochs[0])
        var elsewhere = ShuffledOrder(count: 50, seed: 3, purpose: "other")
        #expect((0..<50).map { elsewhere.index($0) } != epochs[0])
        var single = ShuffledOrder(count: 1, seed: 0, purpose: "test")
        #expect(single.index(1_000_000) == 0)
    }

    @Test("initial weights have the promised deviations; norms are 1, biases 0; seeds decide every bit")
    func initialization() {
        var c = TransformerConfiguration(
            layers: 2, width: 64, heads: 4, keyValueHeads: 2, feedForwardWidth: 96, vocabulary: 200)
        c.queryKeyValueBias = true
        let initialization = Initialization(embedding: 0.7, matrices: 0.05)
        let flat = initialization.parameters(c, seed: 5)
        for (i, (specification, _)) in flat.specifications.enumerated() {
            let x = flat.elements(of: i).map(Double.init)
            switch specification.role {
            case .finalNorm, .block(_, .attentionNorm), .block(_, .feedForwardNorm):
                #expect(x.allSatisfy { $0 == 1 })
                continue
            case .block(_, .queryBias), .block(_, .keyBias), .block(_, .valueBias):
                #expect(x.allSatisfy { $0 == 0 })
                continue
            default: break
            }
            let expected: Double =
                switch specification.role {
                case .embedding: 0.7
                case .block(_, .attentionOutput), .block(_, .down): 0.05 / 2  // √(2 · 2 layers)
                default: 0.05
                }
            let n = Double(x.count)
            let mean = x.reduce(0, +) / n
            let deviation = (x.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / n).squareRoot()
            // Five standard errors of mean and deviation.
            #expect(abs(mean) < 5 * expected / n.squareRoot(), "\(specification.role)")
            #expect(abs(deviation - expected) < 5 * expected / (2 * n).squareRoot(), "\(specification.role)")
        }
        #expect(Tiny.bits(flat) == Tiny.bits(initialization.parameters(c, seed: 5)))
        #expect(Tiny.bits(flat) != Tiny.bits(initialization.parameters(c, seed: 6)))
    }
}
