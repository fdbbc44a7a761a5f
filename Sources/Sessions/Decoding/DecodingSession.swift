package import Decoding
import Numerics
internal import Tokenizers
internal import Transformers

/// Decodes prompts with one model and tells what happens at each forward.
package struct DecodingSession: Sendable {
    private let model: LiveModel
    private let setting: DecoderSetting
    private let threads: Int

    /// A session with these settings.
    package init(_ model: LiveModel, _ setting: DecoderSetting, threads: Int = Threads.available) {
        self.model = model
        self.setting = setting
        self.threads = threads
    }

    /// Decodes one response.
    ///
    /// - Parameters:
    ///   - sampling: names the random numbers; nil leaves them to the prompt.
    ///   - likelihoods: which log-probabilities are told with the steps; nil for none.
    ///   - shouldStop: asked before each forward.
    ///   - observe: gets each event as it happens; decoding waits for it.
    /// - Returns: the last event's content.
    /// - Throws: ``SessionError`` for a prompt that doesn't fit the model and for log-probabilities that there aren't;
    ///   `DecodingError`.
    @discardableResult
    package func decode(
        _ prompt: LivePrompt, sampling: Sampling? = nil, likelihoods: LikelihoodRequest? = nil,
        shouldStop: @escaping () -> Bool = { false },
        observe: @escaping (DecodingEvent) -> Void
    ) throws -> DecodingEvent.End {
        if likelihoods != nil { try setting.checkLikelihoods(of: model) }
        var task = DecodingTask(
            prompt: prompt.tokens, maskToken: model.maskToken, endToken: model.endToken,
            furtherEndTokens: model.furtherEndTokens, repetitionPenalty: model.repetitionPenalty,
            sampling: sampling)
        task.scoresPrompt = likelihoods?.ofPrompt ?? false
        let decoder = setting.factory(task)
        try check(decoder, prompt)
        observe(
            .start(
                DecodingEvent.Start(
                    model: model.name, setting: setting, prompt: prompt,
                    maximumLength: decoder.maximumLength - prompt.tokens.count,
                    blockLength: setting.setup.lengths.block,
                    tokenSeparator: model.tokenizer.tokenSeparator)))
        let recorder = EventRecorder(model, decoder)
        var decoders = [decoder]
        var isStopped = false
        let driver = BatchDecoder(
            model.transformer, threads: threads, alternatives: likelihoods?.alternatives)
        try driver.decode(&decoders) { _, record, decoder in
            observe(.step(recorder.step(record, decoder)))
            recorder.resume()
        } shouldStop: {
            isStopped = isStopped || shouldStop()
            return isStopped
        }
        let end = recorder.end(decoders[0], isStopped: isStopped)
        observe(.end(end))
        return end
    }

    private func check(_ decoder: any Decoder, _ prompt: LivePrompt) throws(SessionError) {
        let limit = model.transformer.configuration.maximumPositions
        guard prompt.tokens.count > 0 else {
            throw SessionError(.invalidPrompt, "The prompt has no tokens. Give some text.")
        }
        guard decoder.maximumLength <= limit else {
            throw SessionError(
                .invalidPrompt,
                "The prompt has \(prompt.tokens.count) tokens and the response up to "
                    + "\(decoder.maximumLength - prompt.tokens.count), but the model was made for \(limit) in all. "
                    + "Shorten the prompt or lower generationLength.")
        }
    }
}

/// Which log-probabilities of tokens are wanted; see `TokenLikelihood`.
package struct LikelihoodRequest: Sendable, Hashable {
    /// How many of the most probable tokens are told for each position.
    package var alternatives: Int
    /// Whether the tokens of the prompt, but for the first, are scored too.
    package var ofPrompt: Bool

    package init(alternatives: Int, ofPrompt: Bool) {
        self.alternatives = alternatives
        self.ofPrompt = ofPrompt
    }
}

extension DecoderSetting {
    /// Refuses log-probabilities where a token has no single one.
    package func checkLikelihoods(of model: LiveModel) throws(SessionError) {
        guard model.isAutoregressive else {
            throw SessionError(
                .invalidSetting,
                "\(model.name) is a masked-diffusion model: the tokens of a text can be predicted in many orders, and "
                    + "each order gives a token another probability, so that there is no one log-probability per token. "
                    + "Only autoregressive models have them.")
        }
        guard method.isCausal else {
            throw SessionError(
                .invalidSetting,
                "The method \"\(method.name)\" predicts tokens in an order of its own, so that there is no one "
                    + "log-probability per token. Use the method \"\(DecodingMethod.usual(isCausal: true).name)\"."
            )
        }
    }
}
