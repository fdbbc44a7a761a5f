package import Decoding
import Numerics
internal import Tokenizers
internal import Transformers

/// Decodes prompts with one model and tells what happens at each forward.
package struct DecodingSession: Sendable {
    private let model: LiveModel
    private let setting: DecoderSetting
    private let threads: Int
    private let check: AnswerCheck?

    /// A session with these settings.
    ///
    /// - Parameter check: grades the response, where the prompt is a question whose answer is known.
    package init(
        _ model: LiveModel, _ setting: DecoderSetting, threads: Int = Threads.available,
        check: AnswerCheck? = nil
    ) {
        (self.model, self.setting, self.threads, self.check) = (model, setting, threads, check)
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
        let end = recorder.end(decoders[0], isStopped: isStopped, check)
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
                    + "log-probability per token. Use the method \"\(DecodingMethod.usual(.causal).name)\"."
            )
        }
    }
}

/// Makes events of what a decoder did, by comparing the response with how it was last told.
final class EventRecorder {
    private let model: LiveModel
    private let promptLength: Int
    /// The response as the events up to now tell it.
    private var told: [Int32]
    private var counters = DecodingEvent.Counters(tokens: 0, evaluations: 0, forwards: 0, seconds: 0)
    private var started = ContinuousClock.now

    init(_ model: LiveModel, _ decoder: any Decoder) {
        self.model = model
        promptLength = decoder.promptLength
        told = Array(decoder.state.response)
    }

    func step(_ record: StepRecord, _ decoder: any Decoder) -> DecodingEvent.Step {
        var predictions: [Int: Prediction] = [:]
        for prediction in record.unmasked { predictions[prediction.position - promptLength] = prediction }
        let tokens = changes(decoder, predictions)
        count(decoder)
        return DecodingEvent.Step(
            index: record.index, kind: record.kind, inputs: record.inputs, tokens: tokens, length: told.count,
            blocks: record.blocks, counters: counters, likelihoods: record.likelihoods)
    }

    /// Lets the clock run again after whoever watches has seen an event.
    func resume() { started = .now }

    func end(_ decoder: any Decoder, isStopped: Bool, _ check: AnswerCheck?) -> DecodingEvent.End {
        let tokens = changes(decoder, [:])
        count(decoder)
        let end = told.firstIndex(where: model.isEnd)
        let settled = told.prefix(end ?? told.count).filter(isDecided)
        return DecodingEvent.End(
            reason: isStopped ? .cancelled : end != nil ? .end : .length, tokens: tokens, length: told.count,
            text: model.tokenizer.decode(tokenIds: settled.map(Int.init), skipSpecialTokens: true),
            counters: counters, verdict: isStopped ? nil : check?(told))
    }

    /// The tokens that aren't as they were told, which they are from now on.
    private func changes(
        _ decoder: any Decoder, _ predictions: [Int: Prediction]
    ) -> [DecodingEvent.Token] {
        let now = Array(decoder.state.response)
        var changed: [DecodingEvent.Token] = []
        for (position, token) in now.enumerated() where isDecided(token) {
            let isNew = position >= told.count || told[position] != token
            guard isNew || predictions[position] != nil else { continue }
            let prediction = predictions[position].flatMap { $0.token == token ? $0 : nil }
            changed.append(
                DecodingEvent.Token(
                    position: position, token: token,
                    bytes: model.tokenizer.decodedBytes(of: Int(token), skipSpecialTokens: true) ?? [],
                    isEnd: model.isEnd(token), entropy: prediction?.entropy,
                    probability: prediction?.probability))
        }
        told = now
        return changed
    }

    private func count(_ decoder: any Decoder) {
        let now = ContinuousClock.now
        let passed = started.duration(to: now).components
        counters.seconds += Double(passed.seconds) + Double(passed.attoseconds) * 1e-18
        started = now
        counters.evaluations = decoder.evaluations
        counters.forwards = decoder.forwards
        let end = told.firstIndex(where: model.isEnd)
        let counted = told.prefix(end.map { $0 + 1 } ?? told.count)
        counters.tokens = counted.count(where: isDecided)
    }

    /// An autoregressive model has no undecided tokens, and may have no token to spare for a mask.
    private func isDecided(_ token: Int32) -> Bool { model.isAutoregressive || token != model.maskToken }
}
