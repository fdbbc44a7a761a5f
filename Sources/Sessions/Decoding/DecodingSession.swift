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
    ///   - shouldStop: asked before each forward.
    ///   - observe: gets each event as it happens; decoding waits for it.
    /// - Returns: the last event's content.
    /// - Throws: ``SessionError`` for a prompt that doesn't fit the model; `DecodingError`.
    @discardableResult
    package func decode(
        _ prompt: LivePrompt, sampling: Sampling? = nil, shouldStop: @escaping () -> Bool = { false },
        observe: @escaping (DecodingEvent) -> Void
    ) throws -> DecodingEvent.End {
        let decoder = setting.factory(
            DecodingTask(
                prompt: prompt.tokens, maskToken: model.maskToken, endToken: model.endToken,
                furtherEndTokens: model.furtherEndTokens,
                repetitionPenalty: model.repetitionPenalty,
                sampling: sampling))
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
        try BatchDecoder(model.transformer, threads: threads).decode(&decoders) { _, record, decoder in
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
