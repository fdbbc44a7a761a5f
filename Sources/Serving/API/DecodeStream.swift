internal import Decoding
internal import JSON
internal import Sessions
internal import Tokenizers

extension Server {
    /// Answers the page: each event of a response as it happens.
    func stream(_ body: JSONObject, _ responder: HTTPResponder) throws {
        let known = ["prompt", "method", "options", "seed"]
        if let stranger = body.keys.first(where: { !known.contains($0) }) {
            throw HTTPProblem(400, "There is no member \"\(stranger)\".", parameter: stranger)
        }
        guard let text = body["prompt"]?.string else {
            throw HTTPProblem(400, "\"prompt\" has to be a text.", parameter: "prompt")
        }
        let setting = try self.setting(method: body["method"], options: body["options"])
        let prompt = try asProblem { try model.prompt(text) }
        try activity.decoding(slots: options.slots) {
            try responder.beginEvents()
            do {
                try decode(prompt, setting, seed: body["seed"]?.int, responder) { event, _ in
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
    /// - Parameter take: gets each event and a function that stops decoding.
    /// - Throws: `HTTPProblem` for what decoding refuses; ``ConnectionLost``.
    @discardableResult
    func decode(
        _ prompt: LivePrompt, _ setting: DecoderSetting, seed: Int?, _ responder: HTTPResponder,
        _ take: @escaping (DecodingEvent, _ stop: () -> Void) throws -> Void
    ) throws -> DecodingEvent.End {
        let state = StreamState()
        let session = DecodingSession(model, setting, threads: max(1, options.threads / options.slots))
        let sampling = seed.map { Sampling(seed: UInt64(bitPattern: Int64($0)), sample: 0) }
        let end = try asProblem {
            try session.decode(prompt, sampling: sampling) { [self] in
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
    func setting(
        method: JSONValue?, options given: JSONValue?, adding extra: [String: ParameterValue] = [:]
    ) throws -> DecoderSetting {
        var values: [String: ParameterValue] = [:]
        // What the server was started with holds for its own method only.
        let usesOwn = method == nil || method?.string == setting.method.name
        let inherited = extra.merging(usesOwn ? setting.values : [:]) { given, _ in given }
        for member in given?.object?.members ?? [] {
            guard let value = ParameterValue(member.value) else {
                throw HTTPProblem(400, "The option \"\(member.key)\" can't be that.", parameter: member.key)
            }
            values[member.key] = value
        }
        if let method, method.string == nil {
            throw HTTPProblem(400, "\"method\" has to be a name.", parameter: "method")
        }
        if let given, given.object == nil {
            throw HTTPProblem(400, "\"options\" has to be an object.", parameter: "options")
        }
        let name = method?.string ?? setting.method.name
        let asked = try asProblem {
            try DecoderSetting(method: name, values: values, inherited: inherited, for: model)
        }
        let length = asked.setup.lengths.response
        if length > options.maximumTokens {
            throw HTTPProblem(
                400, "\(length) tokens are more than the \(options.maximumTokens) that this server decodes.",
                parameter: asked.method.parameter(.responseLength)?.name ?? "method")
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
