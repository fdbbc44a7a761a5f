internal import Decoding
internal import JSON
internal import Sessions

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

extension Server {
    /// Answers a request for a completion, whole or as a stream.
    func complete(_ request: CompletionRequest, _ responder: HTTPResponder) throws {
        try activity.decoding(slots: options.slots) {
            let completion = Completion(request, model: model.name)
            var settled = SettledText(model.tokenizer, limit: request.limit, stops: request.stops)
            var text = ""
            if request.streams {
                try responder.beginEvents()
                try responder.event(try completion.chunk(role: true, text: "").compactBytes())
            }
            let end: DecodingEvent.End
            do {
                end = try decode(request.prompt, request.setting, seed: request.seed, responder) {
                    event, stop in
                    let part = settled.take(event)
                    if request.streams {
                        guard !part.isEmpty else { return }
                        try responder.event(try completion.chunk(role: false, text: part).compactBytes())
                    } else {
                        text += part
                    }
                    if settled.ending != nil { stop() }
                }
            } catch let problem as HTTPProblem where responder.hasBegun {
                try responder.event(try problem.json.compactBytes())
                return try responder.endEvents()
            }
            let outcome = completion.outcome(end, settled)
            guard request.streams else { return try responder.send(200, completion.whole(text, outcome)) }
            try responder.event(try completion.lastChunk(outcome).compactBytes())
            if request.includesUsage {
                try responder.event(try completion.usageChunk(outcome).compactBytes())
            }
            try responder.event(Array("[DONE]".utf8))
            try responder.endEvents()
        }
    }
}

/// Writes a completion as OpenAI's interface has it.
struct Completion {
    /// What the answer says besides its text.
    struct Outcome {
        let finish: String
        let usage: JSONValue
        /// What only this server says.
        let facts: JSONValue
    }

    private let request: CompletionRequest
    private let model: String
    private let id: String
    private let created = time(nil)

    init(_ request: CompletionRequest, model: String) {
        self.request = request
        self.model = model
        let number = String(UInt64.random(in: .min ... .max), radix: 16)
        id = (request.isChat ? "chatcmpl-" : "cmpl-") + number
    }

    func outcome(_ end: DecodingEvent.End, _ settled: SettledText) -> Outcome {
        let prompt = request.prompt.tokens.count
        return Outcome(
            finish: settled.ending == .stop ? "stop" : "length",
            usage: [
                "prompt_tokens": .integer(prompt), "completion_tokens": .integer(settled.count),
                "total_tokens": .integer(prompt + settled.count),
            ],
            facts: [
                "method": .string(request.setting.method.name), "nfe": .integer(end.counters.evaluations),
                "forwards": .integer(end.counters.forwards), "tpf": .number(end.counters.tokensPerForward),
                "seconds": .number(end.counters.seconds),
                "notes": .array(request.prompt.notes.map { .string($0) }),
            ])
    }

    func whole(_ text: String, _ outcome: Outcome) -> JSONValue {
        let message: JSONValue = ["role": "assistant", "content": .string(text), "refusal": .null]
        var choice: JSONObject = ["index": 0]
        choice[request.isChat ? "message" : "text"] = request.isChat ? message : .string(text)
        choice["logprobs"] = .null
        choice["finish_reason"] = .string(outcome.finish)
        var object = head(request.isChat ? "chat.completion" : "text_completion")
        object["choices"] = [.object(choice)]
        object["usage"] = outcome.usage
        object["d3llm"] = outcome.facts
        return .object(object)
    }

    func chunk(role: Bool, text: String) -> JSONValue {
        chunk(delta: role ? ["role": "assistant", "content": ""] : ["content": .string(text)], text, .null)
    }

    func lastChunk(_ outcome: Outcome) -> JSONValue {
        guard case .object(var object) = chunk(delta: [:], "", .string(outcome.finish)) else { return .null }
        object["d3llm"] = outcome.facts
        return .object(object)
    }

    func usageChunk(_ outcome: Outcome) -> JSONValue {
        var object = head(request.isChat ? "chat.completion.chunk" : "text_completion")
        object["choices"] = []
        object["usage"] = outcome.usage
        return .object(object)
    }

    private func chunk(delta: JSONValue, _ text: String, _ finish: JSONValue) -> JSONValue {
        var choice: JSONObject = ["index": 0]
        choice[request.isChat ? "delta" : "text"] = request.isChat ? delta : .string(text)
        choice["logprobs"] = .null
        choice["finish_reason"] = finish
        var object = head(request.isChat ? "chat.completion.chunk" : "text_completion")
        object["choices"] = [.object(choice)]
        return .object(object)
    }

    private func head(_ object: String) -> JSONObject {
        [
            "id": .string(id), "object": .string(object), "created": .integer(created),
            "model": .string(model),
        ]
    }
}
