import JSON
import Numerics
import Training
import Transformers

/// Steps of masked-diffusion training of the mini model: 32 sequences, a loss on the last 48 tokens of each, AdamW.
///
/// Prompts have 18 to 37 tokens, as those of the mini experiment; the peer pads its batch to the longest.
enum TrainingSteps {
    static func run(threads: Int, repetitions: Int) throws -> JSONValue {
        let c = TransformerConfiguration(
            layers: 4, width: 96, heads: 4, feedForwardWidth: 256, vocabulary: 87)
        let parameters = Initialization().parameters(c, seed: 1)
        let gradient = try BatchGradient(parameters, threads: threads)
        let optimizer = AdamW(c, .init(learningRate: 1e-3), threads: threads) { _ in true }
        var generator = Generator(seed: 3)
        func token() -> Int32 { Int32(3 + generator.next() % 84) }
        let times = Timing.seconds(repetitions) {
            let sequences = (0..<32).map { row in
                let prompt = 18 + row * 7 % 20
                return TrainingSequence(
                    tokens: (0..<prompt + 48).map { _ in token() },
                    rows: (prompt..<prompt + 48).map { LossRow(row: $0, target: token()) })
            }
            _ = gradient.compute(
                LossBatch(sequences: sequences, groups: [LossGroup("masked", crossEntropy: 1)]))
            let norm = GradientClipping.norm(gradient.gradient.buffer)
            optimizer.step(
                parameters.buffer, gradient.gradient.buffer,
                gradientScale: GradientClipping.scale(norm: norm, maximum: 1), factor: 1)
        }
        return ["step": JSONValue(times)]
    }
}
