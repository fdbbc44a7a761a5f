package import Documents
internal import Transformers

/// Options of ``AdaptiveParallelDecoder``; the defaults are those of the published point with more speed.
package struct AdaptiveParallelOptions: DecoderOptions {
    /// Tokens to generate.
    package var generationLength = 256
    /// Share of the diffusion model's logits in what a draft has to agree with (R); the rest is the verifier's.
    package var mixture = 0.7
    /// Decided positions whose keys and values are computed again in each forward (W); nil keeps no cache.
    package var recomputed: Int? = 16
    /// Masked positions that are shown at once (M); nil shows all.
    package var lookahead: Int? = 100
    /// Tokens per forward where no verifier judges; nil has one judge.
    package var tokensPerForward: Int?
    /// What a draft has to agree with at a temperature.
    ///
    /// `faithful`: what the mixture finds most probable, although the draft was drawn. `paper`: what is drawn from the mixture with the
    /// draft's own random numbers.
    package var coupling = Quirks.Reading.faithful
    /// How drafts are drawn.
    package var choice = TokenChoice(.squared, temperature: 0.2, topP: 0.95)

    package init() {}

    package init(_ fields: Fields, defaults: AdaptiveParallelOptions) {
        self = defaults
        generationLength = fields.option(
            "generationLength", default: defaults.generationLength, in: 1...1_000_000, "Tokens to generate.",
            meaning: .responseLength)
        tokensPerForward = fields.option(
            "tokensPerForward", default: defaults.tokensPerForward, in: 1...1_000_000,
            "Tokens that each forward decodes, left to right, without a verifier; null: as many as a verifier agrees with."
        )
        mixture = fields.option(
            "mixture", default: defaults.mixture, in: 0...1,
            "Share of the diffusion model's logits in what a draft has to agree with; the rest is the verifier's."
        )
        recomputed = fields.option(
            "recomputed", default: defaults.recomputed, in: 0...1_000_000,
            "Decided positions whose keys and values are computed again in each forward; null: all, without a cache."
        )
        lookahead = fields.option(
            "lookahead", default: defaults.lookahead, in: 1...1_000_000,
            "Masked positions that the model sees at once; null for all.")
        choice.temperature = fields.temperature(default: defaults.choice.temperature)
        choice.topP = fields.topP(default: defaults.choice.topP)
        choice.topK = fields.topK(default: defaults.choice.topK)
        coupling = fields.option(
            "coupling", default: defaults.coupling,
            "What a drawn draft has to agree with: the mixture's most probable token (faithful) or what is drawn from it with the same random numbers (paper)."
        )
        fields.condition(
            "mixture", "coupling", isUsed: tokensPerForward == nil, with: "\"tokensPerForward\"",
            user: "a verifier")
        fields.condition(
            "coupling", isUsed: choice.temperature > 0, with: "the temperature 0", user: "drawn drafts")
    }

    package var needsVerifier: Bool { tokensPerForward == nil }

    package var lengths: DecodingLengths { DecodingLengths(response: generationLength) }

    /// About three tokens per forward, as the published points have.
    package func effort(prompt: Double, answer: Double) -> DecodingEffort? {
        let answer = min(answer, Double(generationLength))
        let forwards = answer / Double(tokensPerForward ?? 3)
        let shown = min(Double(lookahead ?? generationLength), Double(generationLength))
        let again = recomputed.map(Double.init) ?? prompt + answer / 2
        return DecodingEffort(
            forwards: forwards, tokens: shown + again, cached: max(0, prompt + answer / 2 - again),
            logitRows: shown)
    }
}

/// Adaptive parallel decoding (APD, arXiv 2506.00413; danielmisrael/apd at a555561, `apd_sample`): left to right, a diffusion model
/// drafts all that is masked, and a small autoregressive model decides how much of it stays.
///
/// A draft is kept as far as it agrees with the mixture of both models' logits; its first token always is. Forwards and NFE are those of the
/// diffusion model, as upstream counts; the verifier's are counted apart.
package struct AdaptiveParallelDecoder: Decoder {
    package private(set) var state: DecodingState
    private let options: AdaptiveParallelOptions
    /// The first masked position.
    private var current: Int
    /// Tokens that the turn before accepted.
    private var accepted = 0
    /// The draft that waits for the verifier, from ``current`` on.
    private var draft: [Prediction] = []
    /// The draft's random numbers.
    private var draws: SamplingStep?
    private var hasEnded = false

    package init(_ task: DecodingTask, _ options: AdaptiveParallelOptions) {
        state = DecodingState(task, maskCount: options.generationLength, choice: options.choice)
        state.needsVerifier = options.needsVerifier
        current = task.prompt.count
        self.options = options
    }

    package var maximumLength: Int { state.promptLength + options.generationLength }

    /// Where the positions end that are shown.
    private var end: Int { min(current + (options.lookahead ?? maximumLength), maximumLength) }

    package mutating func nextRequest() -> ForwardRequest? {
        if !draft.isEmpty { return verification() }
        guard !hasEnded, current < maximumLength else { return nil }
        state.evaluations += 1
        var start = 0
        if let recomputed = options.recomputed, state.forwards > 0 {
            start = max(current - recomputed - accepted + 1, 0)
        }
        let isCached = options.recomputed != nil
        var request = ForwardRequest(
            isCached ? (start == 0 ? .prefill : .cacheUpdate) : .full, inputs: start..<end,
            candidates: Array(current..<end),
            cache: isCached ? .replace(from: start, end - start) : .ignore, boundaryRow: .local)
        request.keepsRows = state.needsVerifier
        request = state.issue(request, blocks: [], drawing: current..<end)
        draws = request.draws
        return request
    }

    private mutating func verification() -> ForwardRequest {
        let start = state.verifierForwards == 0 ? 0 : current
        var request = ForwardRequest(
            start == 0 ? .prefill : .cacheUpdate, inputs: start..<end, candidates: Array(current + 1..<end),
            cache: .replace(from: start, end - start), attention: .causal, predictsNext: true)
        request.isForVerifier = true
        request.keptShare = Float(options.mixture)
        request = state.issue(request, blocks: [])
        request.draws = options.coupling == .paper ? draws : nil
        return request
    }

    @discardableResult
    package mutating func accept(_ predictions: [Prediction]) -> StepRecord {
        if state.answered().isForVerifier {
            // The first token stays whatever the models think of it.
            let agreed = zip(draft.dropFirst(), predictions).prefix { $0.token == $1.token }.count
            let kept = Array(draft.prefix(1 + agreed))
            draft = []
            state.mask(from: current)
            let record = state.complete(accepting: kept)
            advance(by: kept.count)
            return record
        }
        guard state.needsVerifier else {
            let kept = Array(predictions.prefix(options.tokensPerForward ?? 1))
            let record = state.complete(accepting: kept)
            advance(by: kept.count)
            return record
        }
        draft = predictions
        let record = state.complete(accepting: [])
        // The verifier reads the draft.
        state.write(draft)
        return record
    }

    private mutating func advance(by count: Int) {
        current += count
        accepted = count
        hasEnded = current >= maximumLength || state.firstEnd(in: 0..<state.tokens.count) != nil
    }
}

extension DecodingMethod {
    static let adaptiveParallel = DecodingMethod(
        "apd",
        "APD: left to right, as much of a diffusion model's draft as a second, autoregressive model agrees with.",
        defaults: AdaptiveParallelOptions()
    ) { AdaptiveParallelDecoder($0, $1) }
}
