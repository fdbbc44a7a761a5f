import JSON
import Numerics
import Transformers

/// One decoding step at the shapes of LLaDA-8B, with 4 of its 32 layers and all of its vocabulary: the forward, the
/// logits of 64 candidate rows, and their tokens, probabilities and entropies.
enum DecodeStep {
    static func run(threads: Int, repetitions: Int) throws -> JSONValue {
        var figures = JSONObject([])
        for precision in [WeightPrecision.bfloat16, .int8] {
            let model = try RandomModel.make(layers: 4, precision: precision, threads: threads)
            let workspace = Workspace(threads: threads)
            let tokens = (0..<320).map { Int32($0 * 389 % 126_000) }
            let full = ForwardInput(tokens: tokens, logitRows: Array(256..<320))
            figures["\(precision.rawValue) full"] = JSONValue(
                Timing.seconds(repetitions) { step(model, full, workspace) })
            let cache = KeyValueCache(model.configuration, capacity: 320)
            _ = model.logits(
                [
                    ForwardInput(
                        tokens: Array(tokens[..<256]), cache: cache, cacheUpdate: .append(256), logitRows: [])
                ],
                workspace)
            let cached = ForwardInput(tokens: Array(tokens[256...]), firstPosition: 256, cache: cache)
            figures["\(precision.rawValue) cached"] = JSONValue(
                Timing.seconds(repetitions) { step(model, cached, workspace) })
            let logits = model.logits([cached], workspace)
            figures["\(precision.rawValue) scores"] = JSONValue(
                Timing.seconds(repetitions) { score(logits, threads) })
        }
        return .object(figures)
    }

    private static func step(_ model: Transformer, _ input: ForwardInput, _ workspace: Workspace) {
        score(model.logits([input], workspace), workspace.threads)
    }

    private static func score(_ logits: Matrix, _ threads: Int) {
        Threads.parallelFor(logits.rows, threads: threads) { (row: Int) -> Void in
            precondition(Kernels.score(logits.row(row)).token >= 0)
        }
    }
}
