internal import Decoding
internal import JSON
internal import Sessions

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

extension Server {
    /// Answers a request for a completion, whole or as a stream; several prompts one after the other.
    func complete(_ request: CompletionRequest, _ responder: HTTPResponder) throws {
        try activity.decoding(slots: options.slots) {
            var completion = Completion(request, model: model.name)
            if request.streams { try responder.beginEvents() }
            do {
                for index in request.prompts.indices {
                    try complete(request, index, &completion, responder)
                }
            } catch let problem as HTTPProblem where responder.hasBegun {
                try responder.event(try problem.json.compactBytes())
                return try responder.endEvents()
            }
            guard request.streams else { return try responder.send(200, completion.whole) }
            if request.includesUsage {
                try responder.event(try completion.usageChunk.compactBytes())
            }
            try responder.event(Array("[DONE]".utf8))
            try responder.endEvents()
        }
    }

    /// Answers one prompt of a request.
    private func complete(
        _ request: CompletionRequest, _ index: Int, _ completion: inout Completion, _ responder: HTTPResponder
    ) throws {
        let writer = completion
        if request.streams {
            try responder.event(try writer.firstChunk(index).compactBytes())
        }
        var choice = CompletionChoice(request, index, model)
        var text = ""
        // In a stream, those that no chunk has had yet.
        var tokens: [ScoredToken] = []
        let end = try decode(
            request.prompts[index], request.setting, seed: request.seed, index: index,
            likelihoods: request.likelihoods, responder
        ) { event, stop in
            let part = choice.take(event)
            tokens += part.tokens
            if request.streams {
                if !part.text.isEmpty {
                    try responder.event(try writer.chunk(index, part.text, tokens).compactBytes())
                    tokens = []
                }
            } else {
                text += part.text
            }
            if choice.isComplete { stop() }
        }
        completion.add(choice, end, text, tokens)
        if request.streams {
            try responder.event(try completion.lastChunk(choice, end, tokens).compactBytes())
        }
    }
}

/// Writes a completion as OpenAI's interface has it.
struct Completion {
    private let request: CompletionRequest
    private let model: String
    private let id: String
    private let created = time(nil)
    private var choices: [JSONValue] = []
    /// Tokens of all answers, end tokens not among them.
    private var tokens = 0
    private var counters = DecodingEvent.Counters()

    init(_ request: CompletionRequest, model: String) {
        self.request = request
        self.model = model
        let number = String(UInt64.random(in: .min ... .max), radix: 16)
        id = (request.isChat ? "chatcmpl-" : "cmpl-") + number
    }

    /// Takes the answer to one prompt.
    mutating func add(
        _ choice: CompletionChoice, _ end: DecodingEvent.End, _ text: String, _ scored: [ScoredToken]
    ) {
        tokens += choice.count
        counters.tokens += end.counters.tokens
        counters.evaluations += end.counters.evaluations
        counters.forwards += end.counters.forwards
        counters.seconds += end.counters.seconds
        guard !request.streams else { return }
        let message: JSONValue = ["role": "assistant", "content": .string(text), "refusal": .null]
        choices.append(
            member(
                choice.index, request.isChat ? "message" : "text",
                request.isChat ? message : .string(text), scored, Self.finish(choice)))
    }

    /// The answers in one piece.
    var whole: JSONValue {
        var object = head(request.isChat ? "chat.completion" : "text_completion")
        object["choices"] = .array(choices)
        object["usage"] = usage
        object["d3llm"] = facts(counters)
        return .object(object)
    }

    /// Begins the stream of one answer.
    func firstChunk(_ index: Int) -> JSONValue {
        .object(chunk(index, delta: ["role": "assistant", "content": ""], "", [], .null))
    }

    /// A part of an answer.
    func chunk(_ index: Int, _ text: String, _ scored: [ScoredToken]) -> JSONValue {
        .object(chunk(index, delta: ["content": .string(text)], text, scored, .null))
    }

    /// Ends the stream of one answer.
    func lastChunk(_ choice: CompletionChoice, _ end: DecodingEvent.End, _ scored: [ScoredToken]) -> JSONValue
    {
        var object = chunk(choice.index, delta: [:], "", scored, Self.finish(choice))
        object["d3llm"] = facts(end.counters)
        return .object(object)
    }

    var usageChunk: JSONValue {
        var object = head(request.isChat ? "chat.completion.chunk" : "text_completion")
        object["choices"] = []
        object["usage"] = usage
        return .object(object)
    }

    private static func finish(_ choice: CompletionChoice) -> JSONValue {
        choice.hasStopped ? "stop" : "length"
    }

    private var usage: JSONValue {
        let prompts = request.prompts.reduce(0) { $0 + $1.tokens.count }
        return [
            "prompt_tokens": .integer(prompts), "completion_tokens": .integer(tokens),
            "total_tokens": .integer(prompts + tokens),
        ]
    }

    /// What only this server says.
    private func facts(_ counters: DecodingEvent.Counters) -> JSONValue {
        [
            "method": .string(request.setting.method.name), "nfe": .integer(counters.evaluations),
            "forwards": .integer(counters.forwards), "tpf": .number(counters.tokensPerForward),
            "seconds": .number(counters.seconds),
            "notes": .array(request.prompts.flatMap(\.notes).map { .string($0) }),
        ]
    }

    private func chunk(
        _ index: Int, delta: JSONValue, _ text: String, _ scored: [ScoredToken], _ finish: JSONValue
    ) -> JSONObject {
        var object = head(request.isChat ? "chat.completion.chunk" : "text_completion")
        object["choices"] = [
            member(
                index, request.isChat ? "delta" : "text", request.isChat ? delta : .string(text), scored,
                finish)
        ]
        return object
    }

    private func member(
        _ index: Int, _ name: String, _ value: JSONValue, _ scored: [ScoredToken], _ finish: JSONValue
    ) -> JSONValue {
        var choice: JSONObject = ["index": .integer(index)]
        choice[name] = value
        // A part of a stream may have no token.
        choice["logprobs"] =
            request.likelihoods == nil || request.streams && scored.isEmpty
            ? .null : request.isChat ? ScoredToken.chat(scored) : ScoredToken.legacy(scored)
        choice["finish_reason"] = finish
        return .object(choice)
    }

    private func head(_ object: String) -> JSONObject {
        [
            "id": .string(id), "object": .string(object), "created": .integer(created),
            "model": .string(model),
        ]
    }
}

extension ScoredToken {
    /// Log-probabilities in the form of OpenAI's older completions; null for the token that begins a text.
    static func legacy(_ tokens: [ScoredToken]) -> JSONValue {
        let top = tokens.map { token -> JSONValue in
            guard let own = token.logProbability else { return .null }
            var object: JSONObject = [:]
            // Two tokens may be called the same; the more probable one counts. The token itself is always among them.
            for (name, value) in token.alternatives + [(token.name, own)] where object[name.text] == nil {
                object[name.text] = number(value)
            }
            return .object(object)
        }
        return [
            "tokens": .array(tokens.map { .string($0.name.text) }),
            "token_logprobs": .array(tokens.map { $0.logProbability.map(number) ?? .null }),
            "top_logprobs": .array(top), "text_offset": .array(tokens.map { .integer($0.offset) }),
        ]
    }

    /// Log-probabilities in the form of OpenAI's chats.
    static func chat(_ tokens: [ScoredToken]) -> JSONValue {
        func object(_ name: Name, _ value: Double?) -> JSONObject {
            [
                "token": .string(name.text), "logprob": value.map(number) ?? .null,
                "bytes": .array(name.bytes.map { .integer(Int($0)) }),
            ]
        }
        return [
            "content": .array(
                tokens.map { token in
                    var found = object(token.name, token.logProbability)
                    found["top_logprobs"] = .array(
                        token.alternatives.map { .object(object($0.name, $0.logProbability)) })
                    return .object(found)
                }), "refusal": .null,
        ]
    }

    /// JSON has no infinity: −9999 stands for it, as in vLLM and in OpenAI's answers.
    private static func number(_ value: Double) -> JSONValue {
        .number(value.isFinite ? max(value, -9999) : -9999)
    }
}
