internal import Decoding
internal import Tokenizers

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

    func end(_ decoder: any Decoder, isStopped: Bool) -> DecodingEvent.End {
        let tokens = changes(decoder, [:])
        count(decoder)
        let end = told.firstIndex(where: model.isEnd)
        let settled = told.prefix(end ?? told.count).filter(isDecided)
        return DecodingEvent.End(
            reason: isStopped ? .cancelled : end != nil ? .end : .length, tokens: tokens, length: told.count,
            text: model.tokenizer.decode(tokenIds: settled.map(Int.init), skipSpecialTokens: true),
            counters: counters)
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
