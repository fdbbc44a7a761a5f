public import Decoding

/// What happens while a response is decoded, in order: one start, a step per forward, one end.
///
/// Positions count from 0 at the first token of the response, unless it says otherwise.
public enum DecodingEvent: Sendable {
    case start(Start)
    case step(Step)
    case end(End)

    /// What is about to be decoded.
    public struct Start: Sendable {
        /// The model's name.
        public let model: String
        public let setting: DecoderSetting
        public let prompt: LivePrompt
        /// Longest response that can come out.
        public let maximumLength: Int
        /// Tokens per block; nil for a method without blocks.
        public let blockLength: Int?
        /// What stands between two tokens in text.
        public let tokenSeparator: String
    }

    /// A token that was decided.
    public struct Token: Sendable, Hashable {
        public let position: Int
        public let token: Int32
        /// The bytes that it adds to the text, maybe a part of a character; empty for tokens that aren't shown.
        public let bytes: [UInt8]
        /// Whether it ends the response.
        public let isEnd: Bool
        /// In nats; nil for a token that no forward predicted: what follows an end token is filled up.
        public let entropy: Double?
        /// The softmax probability of the token.
        public let probability: Double?
    }

    /// One forward and what it decided.
    public struct Step: Sendable {
        /// Number of forwards before this one.
        public let index: Int
        /// How it related to the cache.
        public let kind: ForwardRequest.Kind
        /// Positions of the sequence that were forwarded, 0 being the first token of the prompt.
        public let inputs: Range<Int>
        /// What changed, by ascending position.
        public let tokens: [Token]
        /// Length of the response, masks included.
        public let length: Int
        /// State of each block before the forward.
        public let blocks: [BlockState]
        public let counters: Counters
    }

    /// Why decoding came to an end.
    public enum Reason: String, Sendable, Hashable, CaseIterable {
        /// An end token.
        case end
        /// The response has as many tokens as it may.
        case length
        /// Somebody stopped it.
        case cancelled
    }

    /// The outcome.
    public struct End: Sendable {
        public let reason: Reason
        /// Tokens that changed after the last forward: what follows an end token.
        public let tokens: [Token]
        public let length: Int
        /// The response before its first end token.
        public let text: String
        public let counters: Counters
    }

    /// Counts up to now.
    public struct Counters: Sendable, Hashable {
        /// Tokens of the response that are decided, up to and including its end token: what TPF counts.
        public var tokens: Int
        /// Forward evaluations as the method's published implementation counts them.
        public var evaluations: Int
        /// Forwards that were made.
        public var forwards: Int
        /// Time in forwards and decisions; waiting for whoever watches doesn't count.
        public var seconds: Double

        /// Tokens per forward: `tokens` by `evaluations`.
        public var tokensPerForward: Double {
            evaluations > 0 ? Double(tokens) / Double(evaluations) : 0
        }

        /// Tokens per second: `tokens` by `seconds`.
        public var tokensPerSecond: Double { seconds > 0 ? Double(tokens) / seconds : 0 }
    }
}
