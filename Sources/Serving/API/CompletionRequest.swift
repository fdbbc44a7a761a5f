internal import ChatTemplates
internal import Decoding
internal import Documents
internal import JSON
internal import Sessions
internal import Tokenizers

/// A request for a completion, as OpenAI's interface has it.
struct CompletionRequest {
    let isChat: Bool
    /// Each gets an answer of its own.
    let prompts: [LivePrompt]
    let setting: DecoderSetting
    let streams: Bool
    let includesUsage: Bool
    /// Most tokens of each answer; 0 only where the prompt is echoed.
    let limit: Int?
    let stops: [String]
    let seed: Int?
    /// Whether an answer begins with its prompt.
    let echoes: Bool
    /// What is told of tokens' log-probabilities; nil for nothing.
    let likelihoods: LikelihoodRequest?

    /// The most probable tokens that are told for each position, at most.
    static let mostAlternatives = 20
    /// Prompts of one request, at most.
    static let mostPrompts = 64

    /// Members that only other values than these would have an effect through; what they ask for isn't there.
    private static let fixed: [String: [JSONValue]] = [
        "n": [1], "best_of": [1], "presence_penalty": [0], "frequency_penalty": [0], "logit_bias": [[:]],
        "suffix": [""], "tools": [[]], "functions": [[]], "tool_choice": ["none", "auto"],
        "function_call": ["none", "auto"], "response_format": [["type": "text"]],
        "parallel_tool_calls": [true, false], "modalities": [["text"]],
    ]
    /// Members that don't change the answer.
    private static let ignored = [
        "model", "user", "metadata", "store", "service_tier", "safety_identifier", "prompt_cache_key",
    ]
    private static let read = [
        "messages", "prompt", "stream", "stream_options", "max_tokens", "max_completion_tokens", "stop",
        "temperature", "top_p", "seed", "d3llm", "logprobs", "top_logprobs", "echo",
    ]

    /// Reads the members.
    ///
    /// - Throws: `HTTPProblem` for what is wrong or isn't supported; nothing is dropped without a word.
    init(_ body: RequestValue, isChat: Bool, _ server: Server) throws {
        try Self.check(body, server.model.name)
        self.isChat = isChat
        streams = try body.flag("stream", default: false)
        includesUsage = body["stream_options"]?["include_usage"]?.node.bool ?? false
        seed = try body["seed"]?.integer()
        stops = try Self.stops(body["stop"])
        echoes = try body.flag("echo", default: false)
        if echoes, isChat {
            throw HTTPProblem(400, "\"echo\" isn't supported for chats: leave it out.", parameter: "echo")
        }
        let least = echoes ? 0 : 1
        limit = try ["max_completion_tokens", "max_tokens"].compactMap {
            try body[$0]?.integer(in: least...)
        }.first
        setting = try Self.setting(body, limit: limit, server)
        let alternatives = try isChat ? Self.chatAlternatives(body) : Self.alternatives(body)
        likelihoods = alternatives.map { [echoes] in LikelihoodRequest(alternatives: $0, ofPrompt: echoes) }
        if likelihoods != nil {
            do {
                try setting.checkLikelihoods(of: server.model)
            } catch {
                throw HTTPProblem(400, error.description, parameter: "logprobs")
            }
        }
        prompts = try server.asProblem {
            isChat
                ? [try server.model.prompt(try Self.messages(body["messages"]))]
                : try Self.prompts(body["prompt"], server.model)
        }
    }

    /// How many tokens a completion's `logprobs` asks for at each position; nil where it asks for nothing.
    private static func alternatives(_ body: RequestValue) throws -> Int? {
        if let value = body["top_logprobs"], value.node.double != 0 {
            throw HTTPProblem(
                400, "\"top_logprobs\" is for chats: here \"logprobs\" is a number.",
                parameter: "top_logprobs")
        }
        guard let value = body["logprobs"], value.node.bool != false else { return nil }
        return try value.integer(in: 0...mostAlternatives)
    }

    /// The same for a chat, where `logprobs` says whether and `top_logprobs` how many.
    private static func chatAlternatives(_ body: RequestValue) throws -> Int? {
        let count = try body["top_logprobs"]?.integer(in: 0...mostAlternatives) ?? 0
        guard let value = body["logprobs"], try value.bool() else {
            guard count == 0 else {
                throw HTTPProblem(
                    400, "\"top_logprobs\" needs \"logprobs\" to be true.", parameter: "top_logprobs")
            }
            return nil
        }
        return count
    }

    private static func check(_ body: RequestValue, _ model: String) throws(HTTPProblem) {
        guard let name = body["model"]?.node.string else {
            throw HTTPProblem(
                400, "\"model\" has to be the name of a model, \"\(model)\".", parameter: "model")
        }
        guard name == model else {
            throw HTTPProblem(
                404, "There is no model \"\(name.prefix(100))\". This server has \"\(model)\".",
                parameter: "model")
        }
        for member in body.node.members ?? []
        where !member.value.isNull && !ignored.contains(member.key) && !read.contains(member.key) {
            let given = JSONValue(member.value)
            guard let values = fixed[member.key] else {
                throw HTTPProblem(
                    400, "There is no member \"\(member.key.prefix(100))\".", parameter: member.key)
            }
            guard values.contains(given) || given.double == 0 && values.contains(0) else {
                throw HTTPProblem(
                    400, "\"\(member.key)\" isn't supported: leave it out.", parameter: member.key)
            }
        }
    }

    private static func stops(_ value: RequestValue?) throws(HTTPProblem) -> [String] {
        guard let node = value?.node else { return [] }
        if let text = node.string { return [text] }
        let texts = (node.array ?? []).compactMap(\.string)
        guard let array = node.array, texts.count == array.count, texts.count <= 4 else {
            throw HTTPProblem(400, "\"stop\" has to be a text or up to four of them.", parameter: "stop")
        }
        return texts
    }

    /// The decoder: `d3llm` names it; what OpenAI's members say goes before the server's own options.
    private static func setting(_ body: RequestValue, limit: Int?, _ server: Server) throws -> DecoderSetting
    {
        let choice = body["d3llm"]
        try choice?.allow(["method", "options"])
        let usual = try server.setting(choice)
        var values: [String: JSONValue] = [:]
        let members: [(String, FieldMeaning, Double)] = [
            ("temperature", .temperature, 0), ("top_p", .topP, 1),
        ]
        for (name, meaning, neutral) in members {
            guard let number = try body[name]?.number() else { continue }
            if let option = usual.method.option(meaning) {
                values[option.key] =
                    number == neutral && meaning == .topP ? .null : .number(number)
            } else if number != neutral {
                throw HTTPProblem(
                    400, "The method \(usual.method.name) has no \(name). Leave it out, or use \(neutral).",
                    parameter: name)
            }
        }
        if let limit {
            // Whole blocks are decoded; what is beyond the limit is cut off.
            let block = usual.setup.lengths.block ?? 1
            guard limit <= server.options.maximumTokens else {
                throw HTTPProblem(
                    400,
                    "\(limit) tokens are more than the \(server.options.maximumTokens) that this server decodes.",
                    parameter: "max_tokens")
            }
            let most = max(block, server.options.maximumTokens / block * block)
            if let option = usual.method.option(.responseLength) {
                values[option.key] = .integer(min((max(limit, 1) + block - 1) / block * block, most))
            }
        }
        return try server.setting(choice, adding: values)
    }

    /// Prompts as they are, without a template around them: a text, the tokens of one, or a list of such things.
    private static func prompts(_ given: RequestValue?, _ model: LiveModel) throws -> [LivePrompt] {
        let value = given?.node
        let list = value?.array ?? []
        let isList = !list.isEmpty && list.allSatisfy { $0.string != nil || $0.array != nil }
        guard list.count <= mostPrompts || !isList else {
            throw HTTPProblem(
                400, "\"prompt\" has \(list.count) prompts; one request may have \(mostPrompts).",
                parameter: "prompt")
        }
        return try isList ? list.map { try prompt($0, model) } : [prompt(value, model)]
    }

    private static func prompt(_ value: JSONNode?, _ model: LiveModel) throws -> LivePrompt {
        do {
            if let text = value?.string { return try model.prompt(raw: text) }
            if let array = value?.array {
                let tokens = array.compactMap(\.int)
                if tokens.count == array.count { return try model.prompt(tokens: tokens) }
            }
        } catch let error as SessionError {
            throw HTTPProblem(400, error.description, parameter: "prompt")
        }
        throw HTTPProblem(
            400,
            "\"prompt\" has to be a text, the tokens of one as whole numbers, or a list of texts or of lists of tokens.",
            parameter: "prompt")
    }

    private static func messages(_ value: RequestValue?) throws(HTTPProblem) -> [ChatMessage] {
        guard let array = value?.node.array, !array.isEmpty else {
            throw HTTPProblem(400, "\"messages\" has to be a list of messages.", parameter: "messages")
        }
        var messages: [ChatMessage] = []
        for (index, message) in array.enumerated() {
            let roles = ["system", "developer", "user", "assistant"]
            guard let role = message["role"]?.string, roles.contains(role),
                let content = text(ofContent: message["content"])
            else {
                throw HTTPProblem(
                    400, "A message has a role (\(roles.joined(separator: ", "))) and a text as content.",
                    parameter: "messages[\(index)]")
            }
            messages.append(ChatMessage(role: role == "developer" ? "system" : role, content: content))
        }
        return messages
    }

    /// A text, or the texts of a list of parts.
    private static func text(ofContent value: JSONNode?) -> String? {
        if let text = value?.string { return text }
        guard let parts = value?.array else { return nil }
        let texts = parts.compactMap { $0["type"]?.string == "text" ? $0["text"]?.string : nil }
        return texts.count == parts.count ? texts.joined() : nil
    }
}

extension Server {
    /// What `/health` says.
    var health: JSONValue {
        let counts = activity.snapshot
        return [
            "status": "ok", "model": .string(model.name), "uptimeSeconds": .integer(activity.uptime),
            "slots": .integer(options.slots), "decoding": .integer(counts.decoding),
            "connections": .integer(counts.connections), "requests": .integer(counts.requests),
            "completed": .integer(counts.completed), "cancelled": .integer(counts.cancelled),
            "rejected": .integer(counts.rejected), "tokens": .integer(counts.tokens),
            "forwards": .integer(counts.forwards),
        ]
    }

    /// The model as OpenAI's interface lists it.
    var modelObject: JSONValue {
        ["id": .string(model.name), "object": "model", "created": .integer(0), "owned_by": "d3llm"]
    }

    /// What the page has to know.
    var description: JSONValue {
        get throws {
            let methods = DecodingMethod.all.filter {
                $0.isCausal == model.isAutoregressive && $0.suits(model.attention) && !$0.needsVerifier
            }
            return [
                "model": .string(model.name), "caveat": model.caveat.map { .string($0) } ?? .null,
                "example": model.example.map { .string($0) } ?? .null,
                "method": .string(setting.method.name), "maximumTokens": .integer(options.maximumTokens),
                "settingFrom": setting.remark.map { .string($0) } ?? .null,
                "sample": options.samples.map { .string($0.first) } ?? .null,
                "methods": .array(try methods.map { try description(of: $0) }),
            ]
        }
    }

    /// A method with the values that its options have in requests that leave them open.
    private func description(of method: DecodingMethod) throws -> JSONValue {
        let usual =
            try method.name == setting.method.name
            ? setting : DecoderSetting(method: method.name, values: [:], for: model)
        let options = method.options.map { option -> JSONValue in
            var object: JSONObject = [
                "name": .string(option.key), "summary": .string(option.summary),
                "legalValues": .string(option.expectation), "default": usual.value(option.key) ?? .null,
                "optional": .bool(option.acceptsNull),
            ]
            switch option.type {
            case .integer: object["kind"] = "integer"
            case .number: object["kind"] = "number"
            case .flag: object["kind"] = "flag"
            case .choice(let names):
                object["kind"] = "choice"
                object["choices"] = .array(names.map { .string($0) })
            default: break
            }
            return .object(object)
        }
        return [
            "name": .string(method.name), "summary": .string(method.summary), "options": .array(options),
        ]
    }
}

extension HTTPProblem {
    /// The problem as OpenAI's clients expect it.
    var json: JSONValue {
        let (type, code): (String, String) =
            switch status {
            case 429: ("rate_limit_error", "rate_limit_exceeded")
            case 404: ("invalid_request_error", "not_found")
            case 500...: ("server_error", "server_error")
            default: ("invalid_request_error", "invalid_request")
            }
        return [
            "error": [
                "message": .string(message), "type": .string(type),
                "param": parameter.map { .string($0) } ?? .null, "code": .string(code),
            ]
        ]
    }
}
