internal import Decoding
internal import Documents
internal import JSON
internal import Sessions
internal import Tokenizers

extension Server {
    /// Answers the page: each event of a response as it happens.
    func stream(_ body: RequestValue, _ responder: HTTPResponder) throws {
        try body.allow(["prompt", "method", "options", "seed"])
        let text = try body.string("prompt")
        let seed = try body["seed"]?.integer()
        let setting = try self.setting(body)
        let prompt = try asProblem { try model.prompt(text) }
        try activity.decoding(slots: options.slots) {
            try responder.beginEvents()
            do {
                try decode(prompt, setting, seed: seed, responder) { event, _ in
                    try responder.event(try event.json.compactBytes())
                }
            } catch let problem as HTTPProblem {
                // The status is on its way already.
                try responder.event(
                    try JSONValue.object(["event": "error", "message": .string(problem.message)])
                        .compactBytes())
            }
            try responder.endEvents()
        }
    }

    /// Decodes until the end, until the client has gone, or until `take` asks for it.
    ///
    /// - Parameters:
    ///   - index: number of the prompt in its request; a seed gives each prompt other draws.
    ///   - likelihoods: which log-probabilities the events tell.
    ///   - take: gets each event and a function that stops decoding.
    /// - Throws: `HTTPProblem` for what decoding refuses; ``ConnectionLost``.
    @discardableResult
    func decode(
        _ prompt: LivePrompt, _ setting: DecoderSetting, seed: Int?, index: Int = 0,
        likelihoods: LikelihoodRequest? = nil, _ responder: HTTPResponder,
        _ take: @escaping (DecodingEvent, _ stop: () -> Void) throws -> Void
    ) throws -> DecodingEvent.End {
        let state = StreamState()
        let session = DecodingSession(model, setting, threads: max(1, options.threads / options.slots))
        let sampling = seed.map { Sampling(seed: UInt64(bitPattern: Int64($0)), sample: UInt64(index)) }
        let end = try asProblem {
            try session.decode(prompt, sampling: sampling, likelihoods: likelihoods) { [self] in
                state.isLost = state.isLost || responder.isGone
                return state.isLost || state.isEnough || state.error != nil || stops
            } observe: { event in
                guard !state.isLost, state.error == nil else { return }
                do {
                    try take(event) { state.isEnough = true }
                } catch is ConnectionLost {
                    state.isLost = true
                } catch {
                    state.error = error
                }
            }
        }
        let isCancelled = end.reason == .cancelled && !state.isEnough
        activity.countEnd(
            cancelled: isCancelled, tokens: end.counters.tokens, forwards: end.counters.forwards)
        if state.isLost { throw ConnectionLost() }
        if let error = state.error { throw error }
        return end
    }

    private final class StreamState {
        var isLost = false
        var isEnough = false
        var error: (any Error)?
    }

    /// The decoder that a request asks for.
    ///
    /// - Parameter choice: An object with `method` and `options`.
    func setting(_ choice: RequestValue?, adding extra: [String: JSONValue] = [:]) throws -> DecoderSetting {
        let method = try choice?["method"]?.string()
        let given = try choice?["options"]?.members() ?? []
        // What the server was started with holds for its own method only.
        let usesOwn = method == nil || method == setting.method.name
        let inherited = extra.merging(usesOwn ? setting.values : [:]) { given, _ in given }
        var values: [String: JSONValue] = [:]
        for (name, value) in given { values[name] = JSONValue(value.node) }
        let name = method ?? setting.method.name
        let asked = try asProblem {
            try DecoderSetting(method: name, values: values, inherited: inherited, for: model)
        }
        let length = asked.setup.lengths.response
        if length > options.maximumTokens {
            throw HTTPProblem(
                400, "\(length) tokens are more than the \(options.maximumTokens) that this server decodes.",
                parameter: asked.method.option(.responseLength)?.key ?? "method")
        }
        return asked
    }

    /// Makes what a request is to blame for an answer to it.
    func asProblem<Result>(_ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch let error as DecodingError where error.code == .turnLimit {
            throw HTTPProblem(500, error.description)
        } catch let error as DecodingError {
            throw HTTPProblem(400, error.description)
        } catch let error as SessionError {
            throw HTTPProblem(400, error.description)
        } catch let error as ChatTemplateError {
            throw HTTPProblem(400, error.description)
        } catch let error as TokenizerError {
            throw HTTPProblem(400, error.description)
        }
    }
}
