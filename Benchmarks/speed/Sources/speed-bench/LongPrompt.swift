import Decoding
import JSON
import Numerics
import Transformers

/// d3LLM's decoder with and without its cache behind a prompt of 1024 tokens: 96 tokens in blocks of 32, with half the
/// widths of LLaDA-8B, 2 layers and a small vocabulary, so that the blocks' work is what is measured.
///
/// A model with random weights decides nothing like a trained one: the threshold lets one token per active block through,
/// and both decoders take equally many forwards.
enum LongPrompt {
    static func run(threads: Int, repetitions: Int) throws -> JSONValue {
        let c = TransformerConfiguration(
            layers: 2, width: 2048, heads: 16, feedForwardWidth: 6144, vocabulary: 4096)
        let halves = RandomHalves(count: c.feedForwardWidth * c.width)
        let weights = RandomModel.weights(c, halves, precision: .bfloat16, threads: threads)
        let model = try Transformer(c, weights: weights)
        var generator = Generator(seed: 4)
        let prompt = (0..<1024).map { _ in Int32(3 + generator.next() % 4000) }
        var figures = JSONObject([])
        for method in ["multi-block", "multi-block-cache"] {
            let factory = try DecodingMethod.named(method).factory([
                "generationLength": .integer(96), "blockLength": .integer(32), "threshold": .number(1e-9),
                "earlyStop": .bool(false),
            ])
            var forwards = 0
            figures[method] = JSONValue(
                try Timing.seconds(repetitions) {
                    var decoders: [any Decoder] = [
                        factory(DecodingTask(prompt: prompt, maskToken: 1, endToken: 2))
                    ]
                    try BatchDecoder(model, threads: threads).decode(&decoders)
                    forwards = decoders[0].forwards
                })
            figures["\(method) forwards"] = .integer(forwards)
        }
        return .object(figures)
    }
}
