import JSON
import Numerics
import Training
import Transformers

/// Steps of masked-diffusion training with AdamW.
///
/// *mini* is the mini experiment's model: 32 sequences with prompts of 18 to 37 tokens, as those of the experiment, and a
/// loss on the last 48 tokens of each; the peer pads its batch to the longest. *wide* is 100 times as large: 8 sequences of
/// 256 tokens, a loss on the last 128.
enum TrainingSteps {
    private struct Kind {
        var name: String
        var configuration: TransformerConfiguration
        var prompts: [Int]
        var response: Int
        var repetitions: Int
    }

    static func run(threads: Int, repetitions: Int) throws -> JSONValue {
        let mini = Kind(
            name: "mini",
            configuration: .init(layers: 4, width: 96, heads: 4, feedForwardWidth: 256, vocabulary: 87),
            prompts: (0..<32).map { 18 + $0 * 7 % 20 }, response: 48, repetitions: repetitions)
        let wide = Kind(
            name: "wide",
            configuration: .init(layers: 4, width: 1024, heads: 16, feedForwardWidth: 2816, vocabulary: 87),
            prompts: Array(repeating: 128, count: 8), response: 128, repetitions: max(2, repetitions / 6))
        var times: JSONObject = [:]
        for kind in [mini, wide] {
            for precision in TrainingPrecision.allCases {
                times["\(kind.name) \(precision.rawValue)"] = JSONValue(
                    try measure(kind, precision, threads: threads))
            }
        }
        return .object(times)
    }

    private static func measure(
        _ kind: Kind, _ precision: TrainingPrecision, threads: Int
    ) throws -> [Double] {
        let parameters = Initialization().parameters(kind.configuration, seed: 1)
        let gradient = try BatchGradient(parameters, threads: threads, precision: precision)
        let optimizer = AdamW(kind.configuration, .init(learningRate: 1e-3), threads: threads) { _ in true }
        var generator = Generator(seed: 3)
        func token() -> Int32 { Int32(3 + generator.next() % 84) }
        return Timing.seconds(kind.repetitions) {
            let sequences = kind.prompts.map { prompt in
                TrainingSequence(
                    tokens: (0..<prompt + kind.response).map { _ in token() },
                    rows: (prompt..<prompt + kind.response).map { LossRow(row: $0, target: token()) })
            }
            _ = gradient.compute(
                LossBatch(sequences: sequences, groups: [LossGroup("masked", crossEntropy: 1)]))
            let norm = GradientClipping.norm(gradient.gradient.buffer)
            optimizer.step(
                parameters.buffer, gradient.gradient.buffer,
                gradientScale: GradientClipping.scale(norm: norm, maximum: 1), factor: 1)
        }
    }
}
