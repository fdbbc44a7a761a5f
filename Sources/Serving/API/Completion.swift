internal import Base
internal import Decoding
internal import JSON
internal import Sessions
internal import Tokenizers

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

/// The answer to one prompt of a request, in the making: the text that is certain, and what is said of its tokens.
struct CompletionChoice {
    let index: Int
    private let model: LiveModel
    private let prompt: LivePrompt
    private let likelihoods: LikelihoodRequest?
    private var settled: SettledText
    /// The prompt's text while it is still to be given away.
    private var echo: String?
    /// Log-probabilities of tokens of the response whose text isn't given away yet.
    private var waiting: [TokenLikelihood] = []
    private var texts: TokenTexts
    /// Whether a token of the response has been decided, so that the whole prompt has been read.
    private var hasBegun = false

    init(_ request: CompletionRequest, _ index: Int, _ model: LiveModel) {
        self.index = index
        self.model = model
        prompt = request.prompts[index]
        likelihoods = request.likelihoods
        settled = SettledText(model.tokenizer, limit: request.limit, stops: request.stops)
        // Words have something between them, also between the prompt and what follows.
        echo = request.echoes ? prompt.text + model.tokenizer.tokenSeparator : nil
        texts = TokenTexts(model.tokenizer, prompt: request.echoes ? prompt.text : "")
    }

    /// Tokens whose text was given away.
    var count: Int { settled.count }
    /// Whether the answer ended by itself.
    var hasStopped: Bool { settled.ending == .stop }

    /// Whether nothing that is asked for is missing.
    var isComplete: Bool { settled.ending != nil && (hasBegun || likelihoods?.ofPrompt != true) }

    /// The text that is certain since the last event, with the tokens that belong to it.
    mutating func take(_ event: DecodingEvent) -> (text: String, tokens: [ScoredToken]) {
        let text = settled.take(event)
        var tokens: [ScoredToken] = []
        if case .start = event, likelihoods?.ofPrompt == true {
            tokens = prompt.tokens.prefix(1).map { texts.promptToken($0, nil) }
        }
        if case .step(let step) = event {
            hasBegun = hasBegun || !step.tokens.isEmpty
            for likelihood in step.likelihoods {
                if likelihood.position >= prompt.tokens.count {
                    waiting.append(likelihood)
                } else {
                    tokens.append(texts.promptToken(likelihood.token, likelihood))
                }
            }
        }
        var begun = ""
        if let echo, hasBegun || likelihoods?.ofPrompt != true {
            texts.beginResponse(after: echo)
            (begun, self.echo) = (echo, nil)
        }
        // An end token has no text, but it was predicted as the others were.
        let given = waiting.prefix { likelihood in
            let position = likelihood.position - prompt.tokens.count
            return position < settled.count
                || position == settled.count && hasStopped && model.isEnd(likelihood.token)
        }
        tokens += given.map { texts.responseToken($0) }
        waiting.removeFirst(given.count)
        return (begun + text, tokens)
    }
}

/// A token of an answer with its log-probability.
struct ScoredToken {
    /// What a token is called.
    struct Name {
        let text: String
        let bytes: [UInt8]
    }

    let name: Name
    /// Nil for the first token of a prompt, which nothing predicts.
    let logProbability: Double?
    let alternatives: [(name: Name, logProbability: Double)]
    /// Code points of the answer's text before the token.
    let offset: Int
}

/// Names tokens and finds where they stand in the text of an answer.
private struct TokenTexts {
    private let tokenizer: any Tokenizer
    private var detokenizer: StreamingDetokenizer
    /// The prompt's text, and how much of it is behind.
    private let prompt: [UInt8]
    private var passed = 0
    /// Code points that are behind.
    private var offset = 0
    private var isFirst = true

    init(_ tokenizer: any Tokenizer, prompt: String) {
        self.tokenizer = tokenizer
        self.prompt = Array(prompt.utf8)
        detokenizer = StreamingDetokenizer(tokenizer, skipSpecialTokens: true)
    }

    /// A token of the prompt; one that frames the text without being in it takes up no room.
    mutating func promptToken(_ token: Int32, _ likelihood: TokenLikelihood?) -> ScoredToken {
        let bytes = self.bytes(token)
        let separator = isFirst ? 0 : tokenizer.tokenSeparator.utf8.count
        let isPart = prompt.dropFirst(passed + separator).starts(with: bytes)
        let isSpecial = tokenizer.decodedBytes(of: Int(token), skipSpecialTokens: true) == nil
        guard isPart || !isSpecial else { return scored(token, likelihood, at: offset) }
        pass(separator)
        // A token that goes on with a character stands where that begins.
        let isInside = passed < prompt.count && Self.continues(prompt[passed])
        let found = scored(token, likelihood, at: isInside ? offset - 1 : offset)
        pass(bytes.count)
        isFirst = false
        return found
    }

    private mutating func pass(_ count: Int) {
        let end = min(prompt.count, passed + count)
        offset += prompt[passed..<end].count { !Self.continues($0) }
        passed = end
    }

    private static func continues(_ byte: UInt8) -> Bool { byte & 0xC0 == 0x80 }

    /// Goes on behind a prompt of which this is the text.
    mutating func beginResponse(after text: String) {
        offset = text.unicodeScalars.count
        isFirst = true
    }

    /// The next token of the response.
    mutating func responseToken(_ likelihood: TokenLikelihood) -> ScoredToken {
        let isShown = tokenizer.decodedBytes(of: Int(likelihood.token), skipSpecialTokens: true) != nil
        let separator = isShown && !isFirst ? tokenizer.tokenSeparator.unicodeScalars.count : 0
        let found = scored(likelihood.token, likelihood, at: offset + separator)
        isFirst = isFirst && !isShown
        offset += detokenizer.append(Int(likelihood.token)).unicodeScalars.count
        return found
    }

    private func scored(_ token: Int32, _ likelihood: TokenLikelihood?, at offset: Int) -> ScoredToken {
        ScoredToken(
            name: name(token), logProbability: likelihood?.logProbability,
            alternatives: likelihood?.alternatives.map { (name($0.token), $0.logProbability) } ?? [],
            offset: offset)
    }

    private func bytes(_ token: Int32) -> [UInt8] {
        tokenizer.decodedBytes(of: Int(token), skipSpecialTokens: false) ?? []
    }

    /// A part of a character is called by its bytes, as OpenAI's interface does it.
    private func name(_ token: Int32) -> ScoredToken.Name {
        let bytes = bytes(token)
        let shown = bytes.map { "\\x" + ($0 < 16 ? "0" : "") + String($0, radix: 16) }
        let text = String(validating: bytes, as: UTF8.self) ?? "bytes:\(shown.joined())"
        return ScoredToken.Name(text: text, bytes: bytes)
    }
}
