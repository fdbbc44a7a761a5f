internal import Decoding
internal import JSON
internal import Sessions
internal import Tokenizers

/// A request for a completion, as OpenAI's interface has it.
struct CompletionRequest {
    let isChat: Bool
    let prompt: LivePrompt
    let setting: DecoderSetting
    let streams: Bool
    let includesUsage: Bool
    /// Most tokens of the answer.
    let limit: Int?
    let stops: [String]
    let seed: Int?

    /// Members that only other values than these would have an effect through; what they ask for isn't there.
    private static let fixed: [String: [JSONValue]] = [
        "n": [1], "best_of": [1], "presence_penalty": [0], "frequency_penalty": [0], "logprobs": [false],
        "top_logprobs": [0], "logit_bias": [[:]], "echo": [false], "suffix": [""], "tools": [[]],
        "functions": [[]], "tool_choice": ["none", "auto"], "function_call": ["none", "auto"],
        "response_format": [["type": "text"]], "parallel_tool_calls": [true, false],
        "modalities": [["text"]],
    ]
    /// Members that don't change the answer.
    private static let ignored = [
        "model", "user", "metadata", "store", "service_tier", "safety_identifier", "prompt_cache_key",
    ]
    private static let read = [
        "messages", "prompt", "stream", "stream_options", "max_tokens", "max_completion_tokens", "stop",
        "temperature", "top_p", "seed", "d3llm",
    ]

    /// Reads the members.
    ///
    /// - Throws: `HTTPProblem` for what is wrong or isn't supported; nothing is dropped without a word.
    init(_ body: JSONObject, isChat: Bool, _ server: Server) throws {
        let body = JSONObject(body.members.filter { $0.value != .null }.map { ($0.key, $0.value) })
        try Self.check(body, server.model.name)
        self.isChat = isChat
        streams = try Self.value(body, "stream", "true or false", \.bool) ?? false
        includesUsage = body["stream_options"]?["include_usage"]?.bool ?? false
        seed = try Self.value(body, "seed", "a whole number", \.int)
        stops = try Self.stops(body["stop"])
        let limits = try ["max_completion_tokens", "max_tokens"].compactMap {
            try Self.value(body, $0, "a whole number", \.int)
        }
        if let limit = limits.first, limit < 1 {
            throw HTTPProblem(400, "The most tokens of an answer are at least 1.", parameter: "max_tokens")
        }
        limit = limits.first
        setting = try Self.setting(body, limit: limits.first, server)
        prompt = try server.asProblem {
            isChat
                ? try server.model.prompt(try Self.messages(body["messages"]))
                : try Self.prompt(body["prompt"], server.model)
        }
    }

    private static func check(_ body: JSONObject, _ model: String) throws(HTTPProblem) {
        guard let name = body["model"]?.string else {
            throw HTTPProblem(
                400, "\"model\" has to be the name of a model, \"\(model)\".", parameter: "model")
        }
        guard name == model else {
            throw HTTPProblem(
                404, "There is no model \"\(name.prefix(100))\". This server has \"\(model)\".",
                parameter: "model")
        }
        for member in body.members where !ignored.contains(member.key) && !read.contains(member.key) {
            guard let values = fixed[member.key] else {
                throw HTTPProblem(
                    400, "There is no member \"\(member.key.prefix(100))\".", parameter: member.key)
            }
            guard values.contains(member.value) || member.value.double == 0 && values.contains(0) else {
                throw HTTPProblem(
                    400, "\"\(member.key)\" isn't supported: leave it out.", parameter: member.key)
            }
        }
    }

    private static func value<Value>(
        _ body: JSONObject, _ name: String, _ legal: String, _ read: (JSONValue) -> Value?
    ) throws(HTTPProblem) -> Value? {
        guard let given = body[name] else { return nil }
        guard let value = read(given) else {
            throw HTTPProblem(400, "\"\(name)\" has to be \(legal).", parameter: name)
        }
        return value
    }

    private static func stops(_ value: JSONValue?) throws(HTTPProblem) -> [String] {
        guard let value else { return [] }
        if let text = value.string { return [text] }
        let texts = (value.array ?? []).compactMap(\.string)
        guard let array = value.array, texts.count == array.count, texts.count <= 4 else {
            throw HTTPProblem(400, "\"stop\" has to be a text or up to four of them.", parameter: "stop")
        }
        return texts
    }

    /// The decoder: `d3llm` names it; what OpenAI's members say goes before the server's own options.
    private static func setting(_ body: JSONObject, limit: Int?, _ server: Server) throws -> DecoderSetting {
        let choice = body["d3llm"]
        let known = ["method", "options"]
        if let choice,
            choice.object == nil || choice.object?.keys.contains(where: { !known.contains($0) }) == true
        {
            throw HTTPProblem(400, "\"d3llm\" takes method and options.", parameter: "d3llm")
        }
        let usual = try server.setting(method: choice?["method"], options: choice?["options"])
        var values: [String: ParameterValue] = [:]
        let members: [(String, DecoderParameter.Role, Double)] = [
            ("temperature", .temperature, 0), ("top_p", .topP, 1),
        ]
        for (name, role, neutral) in members {
            guard let number = try value(body, name, "a number", \.double) else { continue }
            if let option = usual.method.parameter(role) {
                values[option.name] =
                    number == neutral && role == .topP ? ParameterValue.none : .number(number)
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
            if let option = usual.method.parameter(.responseLength) {
                values[option.name] = .integer(min((limit + block - 1) / block * block, most))
            }
        }
        return try server.setting(method: choice?["method"], options: choice?["options"], adding: values)
    }

    /// One prompt as it is, without a template around it: a text, the tokens of one, or a list of one such thing.
    private static func prompt(_ value: JSONValue?, _ model: LiveModel) throws -> LivePrompt {
        var value = value
        if let only = value?.array, only.count == 1, only[0].string != nil || only[0].array != nil {
            value = only[0]
        }
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
            400, "\"prompt\" has to be one text, or the tokens of one as whole numbers.", parameter: "prompt")
    }

    private static func messages(_ value: JSONValue?) throws(HTTPProblem) -> [ChatMessage] {
        guard let array = value?.array, !array.isEmpty else {
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
    private static func text(ofContent value: JSONValue?) -> String? {
        if let text = value?.string { return text }
        guard let parts = value?.array else { return nil }
        let texts = parts.compactMap { $0["type"]?.string == "text" ? $0["text"]?.string : nil }
        return texts.count == parts.count ? texts.joined() : nil
    }
}
