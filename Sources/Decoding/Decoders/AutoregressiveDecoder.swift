package import Documents
internal import Transformers

/// Options of ``AutoregressiveDecoder``.
package struct AutoregressiveOptions: DecoderOptions {
    /// Tokens to generate at most.
    package var generationLength: Int
    /// 0 takes the most probable token; larger values draw from softmax(logits / temperature).
    package var temperature = 0.0
    /// Only the most probable tokens that together pass this probability count; nil for all.
    package var topP: Double?
    /// What becomes of the defaults in generation_config.json that change greedy decoding.
    package var generationConfig = GenerationConfig.ignored

    /// Both ways to take a checkpoint's generation_config.json.
    package enum GenerationConfig: String, CaseIterable, Sendable {
        /// Only its end tokens count.
        case ignored
        /// Its repetition penalty counts too, as in transformers' `generate`.
        case applied
    }

    package init(generationLength: Int = 256) { self.generationLength = generationLength }

    package init(_ fields: Fields, defaults: AutoregressiveOptions) {
        generationLength = fields.option(
            "generationLength", default: defaults.generationLength, in: 1...1_000_000,
            "Tokens to generate at most.", meaning: .responseLength)
        temperature = fields.temperature(default: defaults.temperature)
        topP = fields.topP(default: defaults.topP)
        generationConfig = fields.option(
            "generationConfig", default: defaults.generationConfig,
            "What becomes of a checkpoint's generation_config.json beside its end tokens, which always count: ignored, or applied (its repetition penalty, as transformers' generate does unless it is told otherwise)."
        )
        fields.condition(
            "topP", isUsed: temperature > 0, with: "\"temperature\" 0, which takes the most probable token",
            user: "larger temperatures")
    }

    package var lengths: DecodingLengths { DecodingLengths(response: generationLength) }

    /// One forward per token; the prompt is fed once.
    package func effort(prompt: Double, answer: Double) -> DecodingEffort? {
        let answer = min(answer, Double(generationLength))
        return DecodingEffort(
            forwards: answer, tokens: (prompt + answer) / answer, cached: prompt + answer / 2, logitRows: 1)
    }
}

/// One token per forward, left to right, with causal attention and a key/value cache; stops at the end token.
///
/// The sequence grows with each token, so nothing is ever masked.
package struct AutoregressiveDecoder: Decoder {
    package private(set) var state: DecodingState
    private let options: AutoregressiveOptions
    private var hasEnded = false
    private var repetition: RepetitionPenalty?
    /// Tokens of the prompt that are in the cache, where the prompt is scored.
    private var scored: Int?

    /// Tokens of a prompt that are scored by one forward, which has a row of logits for each.
    static let scoredAtOnce = 64

    package init(_ task: DecodingTask, _ options: AutoregressiveOptions) {
        if options.generationConfig == .applied, task.repetitionPenalty != 1 {
            repetition = RepetitionPenalty(factor: task.repetitionPenalty, tokens: Set(task.prompt))
        }
        state = DecodingState(
            task, maskCount: 0,
            choice: TokenChoice(.tempered, temperature: options.temperature, topP: options.topP))
        self.options = options
        scored = task.scoresPrompt ? 0 : nil
    }

    package var maximumLength: Int { state.promptLength + options.generationLength }

    package mutating func nextRequest() -> ForwardRequest? {
        guard !hasEnded, state.tokens.count < maximumLength else { return nil }
        if let scored, scored < state.promptLength { return scoringRequest(from: scored) }
        state.evaluations += 1
        let next = state.tokens.count
        let isFirst = next == state.promptLength
        let inputs = isFirst ? 0..<next : (next - 1)..<next
        var request = state.issue(
            ForwardRequest(
                isFirst ? .prefill : .cacheUpdate, inputs: inputs, candidates: [next],
                cache: isFirst ? .rebuild(inputs.count) : .append(inputs.count), attention: .causal,
                predictsNext: true),
            blocks: [])
        request.choice.repetition = repetition
        return request
    }

    /// Feeds the next piece of the prompt; the last one predicts the first token of the response as well.
    private mutating func scoringRequest(from start: Int) -> ForwardRequest {
        let end = min(start + Self.scoredAtOnce, state.promptLength)
        scored = end
        if end == state.promptLength { state.evaluations += 1 }
        var request = state.issue(
            ForwardRequest(
                start == 0 ? .prefill : .cacheUpdate, inputs: start..<end,
                candidates: Array((start + 1)...end),
                cache: start == 0 ? .rebuild(end) : .append(end - start), attention: .causal,
                predictsNext: true),
            blocks: [])
        request.choice.repetition = repetition
        return request
    }

    @discardableResult
    package mutating func accept(_ predictions: [Prediction]) -> StepRecord {
        let predictions = predictions.filter { $0.position == state.tokens.count }
        for prediction in predictions {
            state.append(prediction.token)
            repetition?.tokens.insert(prediction.token)
            hasEnded = state.isEnd(prediction.token)
        }
        return state.complete(accepting: predictions)
    }
}

extension DecodingMethod {
    static let autoregressive = DecodingMethod(
        "autoregressive", "One token per forward, left to right, causal attention with cache.",
        needsMask: false, attends: .causal, defaults: AutoregressiveOptions()
    ) { AutoregressiveDecoder($0, $1) }
}
