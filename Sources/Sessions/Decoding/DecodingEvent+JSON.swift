internal import Decoding
internal import Documents
package import JSON

extension DecodingEvent {
    /// One event as `d3llm decode --json` prints it and the server sends it; docs/json.md says what is in it.
    package var json: JSONValue {
        switch self {
        case .start(let start): start.json
        case .step(let step): step.json
        case .end(let end): end.json
        }
    }
}

extension DecodingEvent.Start {
    fileprivate var json: JSONValue {
        var options = JSONObject()
        for option in setting.method.options {
            options[option.key] = setting.values[option.key] ?? option.defaultValue ?? .null
        }
        return [
            "event": "start", "model": .string(model), "method": .string(setting.method.name),
            "options": .object(options), "prompt": .string(prompt.text),
            "promptTokens": .integer(prompt.tokens.count), "notes": .array(prompt.notes.map { .string($0) }),
            "maximumLength": .integer(maximumLength),
            "blockLength": blockLength.map { .integer($0) } ?? .null,
            "tokenSeparator": .string(tokenSeparator),
        ]
    }
}

extension DecodingEvent.Step {
    fileprivate var json: JSONValue {
        [
            "event": "step", "index": .integer(index), "kind": .string(kind.rawValue),
            "inputs": [.integer(inputs.lowerBound), .integer(inputs.upperBound)],
            "tokens": .array(tokens.map(\.json)), "length": .integer(length),
            "blocks": .array(blocks.map { .string($0.rawValue) }), "counters": counters.json,
        ]
    }
}

extension DecodingEvent.End {
    fileprivate var json: JSONValue {
        [
            "event": "end", "reason": .string(reason.rawValue), "tokens": .array(tokens.map(\.json)),
            "length": .integer(length), "text": .string(text), "counters": counters.json,
        ]
    }
}

extension DecodingEvent.Token {
    fileprivate var json: JSONValue {
        // A part of a character is no text of its own.
        let text = String(validating: bytes, as: UTF8.self)
        return [
            "position": .integer(position), "token": .integer(Int(token)),
            "text": text.map { .string($0) } ?? .null,
            "bytes": text == nil ? .array(bytes.map { .integer(Int($0)) }) : .null,
            "end": .bool(isEnd), "entropy": .finite(entropy), "probability": .finite(probability),
        ]
    }
}

extension DecodingEvent.Counters {
    fileprivate var json: JSONValue {
        [
            "tokens": .integer(tokens), "nfe": .integer(evaluations), "forwards": .integer(forwards),
            "seconds": .number(seconds), "tpf": .number(tokensPerForward),
            "tokensPerSecond": .number(tokensPerSecond),
        ]
    }
}

extension JSONValue {
    /// A number, or null for what JSON has no number for.
    fileprivate static func finite(_ number: Double?) -> JSONValue {
        number.flatMap { $0.isFinite ? .number($0) : nil } ?? .null
    }
}
