import Numerics
import Testing
import Transformers

@testable import Training

@Suite struct AsymmetricDistillationTests {
    private let rows: [[Int32]] = [Array(1...10), Array(11...20)]

    private func noise(uniforms: [Double]) -> AsymmetricDistillation.Noise {
        var draws = ScriptedDraws(uniforms: uniforms)
        return AsymmetricDistillation(blockLength: 4).noise(
            rows: rows, promptLengths: [2, 5], mask: 39, &draws)
    }

    @Test("rates start between 0.2 and 0.7 and rise from block to block, up to 0.7")
    func rates() {
        // First rates 0.2 and 0.6; row 0 has two blocks, row 1 one block of four and one of a single token.
        let noise = noise(uniforms: [0, 0.8, 1, 0.5])
        #expect(noise.rates[0] == [0, 0, 0.2, 0.2, 0.2, 0.2, 0.7, 0.7, 0.7, 0.7])
        for (found, expected) in zip(noise.rates[1].suffix(5), [0.6, 0.6, 0.6, 0.6, 0.65]) {
            #expect(abs(found - expected) < 1e-12)
        }
        #expect(noise.rates[1].prefix(5).allSatisfy { $0 == 0 })
    }

    @Test("a position is masked where its draw is below its block's rate; the prompt never is")
    func masks() {
        let noise = noise(
            uniforms: [0, 0.8, 1, 0.5] + [0.1, 0.3, 0.19, 0.9, 0.69, 0.71, 0, 1, 0.5, 0.7, 0, 1, 0.64])
        #expect(noise.tokens[0] == [1, 2, 39, 4, 39, 6, 39, 8, 39, 10])
        #expect(noise.tokens[1] == [11, 12, 13, 14, 15, 39, 17, 39, 19, 39])
    }

    @Test("the student sees block-causally, and its weights are 1 / rate over the number of masked positions")
    func batch() {
        let noise = noise(
            uniforms: [0, 0.8, 1, 0.5] + [0.1, 0.3, 0.19, 0.9, 0.69, 0.71, 0, 1, 0.5, 0.7, 0, 1, 0.64])
        let model = TransformerConfiguration(
            layers: 1, width: 8, heads: 2, feedForwardWidth: 8, vocabulary: 40)
        let teacher = MutableMatrix(zeros: 7, 40).view
        let batch = AsymmetricDistillation(blockLength: 4).batch(
            rows: rows, promptLengths: [2, 5], noise, model, teacher: teacher)
        #expect(batch.sequences[1].attention == .blockCausal(promptLength: 5, blockLength: 4))
        #expect(batch.sequences.flatMap { $0.rows.map(\.softTarget) } == [0, 1, 2, 3, 4, 5, 6])
        #expect(abs(batch.sequences[0].rows[0].weight - Float(1 / (0.2 * 7))) < 1e-6)
        #expect(batch.sequences[0].rows.map(\.target) == [3, 5, 7, 9])
        let hard = AsymmetricDistillation(blockLength: 4).batch(
            rows: rows, promptLengths: [2, 5], noise, model, teacher: nil)
        #expect(hard.softTargets == nil && hard.sequences[0].rows.allSatisfy { $0.softTarget == nil })
    }

    @Test("a student that equals its teacher's distribution has no gradient from soft targets")
    func fixedPoint() throws {
        var configuration = TransformerConfiguration(
            layers: 1, width: 8, heads: 2, feedForwardWidth: 8, vocabulary: 40)
        configuration.attention = .bidirectional
        let parameters = Initialization().parameters(configuration, seed: 5)
        let model = try Transformer(over: parameters)
        // One block that holds the whole response: the student's attention is then the teacher's but for the
        // prompt, which has no tokens here.
        let objective = AsymmetricDistillation(blockLength: 10)
        var draws = RandomStream(seed: 3, purpose: "test")
        let noise = objective.noise(rows: rows, promptLengths: [0, 0], mask: 39, &draws)
        let batch = objective.batch(
            rows: rows, promptLengths: [0, 0], noise, configuration,
            teacher: objective.teacherDistributions(noise, teacher: model))
        let gradient = try BatchGradient(parameters, threads: 1)
        _ = gradient.compute(batch)
        #expect(GradientClipping.norm(gradient.gradient.buffer) < 1e-4)
    }
}
