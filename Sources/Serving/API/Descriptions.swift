internal import Decoding
internal import Documents
internal import JSON
internal import Sessions

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
            let methods = DecodingMethod.all.filter { $0.isCausal == model.isAutoregressive }
            return [
                "model": .string(model.name), "caveat": model.caveat.map { .string($0) } ?? .null,
                "example": model.example.map { .string($0) } ?? .null,
                "method": .string(setting.method.name), "maximumTokens": .integer(options.maximumTokens),
                "methods": .array(try methods.map { try Self.description(of: $0, model) }),
            ]
        }
    }

    private static func description(of method: DecodingMethod, _ model: LiveModel) throws -> JSONValue {
        let usual = try DecoderSetting(method: method.name, values: [:], for: model)
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
