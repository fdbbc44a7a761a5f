package import Decoding
internal import Documents
package import JSON

/// What happens while a response is decoded, in order: one start, a step per forward, one end.
///
/// Positions count from 0 at the first token of the response, unless it says otherwise.
package enum DecodingEvent: Sendable {
    case start(Start)
    case step(Step)
    case end(End)

    /// What is about to be decoded.
    package struct Start: Sendable {
        /// The model's name.
        package let model: String
        package let setting: DecoderSetting
        package let prompt: LivePrompt
        /// Longest response that can come out.
        package let maximumLength: Int
        /// Tokens per block; nil for a method without blocks.
        package let blockLength: Int?
        /// What stands between two tokens in text.
        package let tokenSeparator: String
    }

    /// A token that was decided.
    package struct Token: Sendable, Hashable {
        package let position: Int
        package let token: Int32
        /// The bytes that it adds to the text, maybe a part of a character; empty for tokens that aren't shown.
        package let bytes: [UInt8]
        /// Whether it ends the response.
        package let isEnd: Bool
        /// In nats; nil for a token that no forward predicted: what follows an end token is filled up.
        package let entropy: Double?
        /// The softmax probability of the token.
        package let probability: Double?
    }

    /// One forward and what it decided.
    package struct Step: Sendable {
        /// Number of forwards before this one.
        package let index: Int
        /// How it related to the cache.
        package let kind: ForwardRequest.Kind
        /// Positions of the sequence that were forwarded, 0 being the first token of the prompt.
        package let inputs: Range<Int>
        /// What changed, by ascending position.
        package let tokens: [Token]
        /// Length of the response, masks included.
        package let length: Int
        /// State of each block before the forward.
        package let blocks: [BlockState]
        package let counters: Counters
        /// What was asked for of tokens' log-probabilities; their positions count from the first token of the prompt.
        package var likelihoods: [TokenLikelihood] = []
    }

    /// Why decoding came to an end.
    package enum Reason: String, Sendable, Hashable, CaseIterable {
        /// An end token.
        case end
        /// The response has as many tokens as it may.
        case length
        /// Somebody stopped it.
        case cancelled
    }

    /// The outcome.
    package struct End: Sendable {
        package let reason: Reason
        /// Tokens that changed after the last forward: what follows an end token.
        package let tokens: [Token]
        package let length: Int
        /// The response before its first end token.
        package let text: String
        package let counters: Counters
        /// Whether the answer is right; nil where nobody knows the question, and for a response that was stopped.
        package var verdict: AnswerVerdict?
    }

    /// Counts up to now.
    package struct Counters: Sendable, Hashable {
        /// Tokens of the response that are decided, up to and including its end token: what TPF counts.
        package var tokens: Int
        /// Forward evaluations as the method's published implementation counts them.
        package var evaluations: Int
        /// Forwards that were made.
        package var forwards: Int
        /// Time in forwards and decisions; waiting for whoever watches doesn't count.
        package var seconds: Double

        /// Counts; none unless given.
        package init(tokens: Int = 0, evaluations: Int = 0, forwards: Int = 0, seconds: Double = 0) {
            self.tokens = tokens
            self.evaluations = evaluations
            self.forwards = forwards
            self.seconds = seconds
        }

        /// Tokens per forward: `tokens` by `evaluations`.
        package var tokensPerForward: Double {
            evaluations > 0 ? Double(tokens) / Double(evaluations) : 0
        }

        /// Tokens per second: `tokens` by `seconds`.
        package var tokensPerSecond: Double { seconds > 0 ? Double(tokens) / seconds : 0 }
    }
}

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
            "settingFrom": setting.remark.map { .string($0) } ?? .null,
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
            "verdict": verdict?.json ?? .null,
        ]
    }
}

/// Grades the tokens of a response to one question.
package typealias AnswerCheck = @Sendable (_ response: [Int32]) -> AnswerVerdict

/// What a data set says of the answer to one of its questions.
package struct AnswerVerdict: Sendable, Hashable {
    /// The question's id, such as test-3.
    package let sample: String
    /// Nil where the answer isn't graded.
    package let isCorrect: Bool?
    /// The right answer, or one of them; nil where the data set has none that people could read.
    package let reference: String?
    /// Why the answer isn't graded, as a sentence.
    package let note: String?

    package init(sample: String, isCorrect: Bool?, reference: String?, note: String? = nil) {
        (self.sample, self.isCorrect, self.reference, self.note) = (sample, isCorrect, reference, note)
    }

    /// One line for people: "right: the answer to test-3 is 15".
    package var sentence: String {
        let word = isCorrect.map { $0 ? "right" : "wrong" } ?? "not graded"
        let told = isCorrect == nil ? note : reference.map { "the answer to \(sample) is \($0)" }
        return "\(word): \(told ?? sample)"
    }

    fileprivate var json: JSONValue {
        [
            "sample": .string(sample), "correct": isCorrect.map { .bool($0) } ?? .null,
            "reference": reference.map { .string($0) } ?? .null, "note": note.map { .string($0) } ?? .null,
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
