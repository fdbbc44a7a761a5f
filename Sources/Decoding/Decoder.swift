/// A decoding method as a state machine, apart from any model.
///
/// The driver alternates: ``nextRequest()`` names a forward, ``accept(_:)`` takes its predictions. That makes
/// each method testable with scripted predictions, lets one forward serve many samples, and shows each step.
public protocol Decoder: Sendable {
    /// The sequence and the counters.
    var state: DecodingState { get }
    /// Longest sequence that this decoder can reach; what a key/value cache must have room for.
    var maximumLength: Int { get }

    /// The next forward, or nil when decoding has ended. Must be answered before it is called again.
    mutating func nextRequest() -> ForwardRequest?

    /// Takes the predictions for the candidates of the last request, in their order.
    @discardableResult
    mutating func accept(_ predictions: [Prediction]) -> StepRecord
}

extension Decoder {
    /// The whole sequence, prompt first.
    public var tokens: [Int32] { state.tokens }
    /// Number of prompt tokens.
    public var promptLength: Int { state.promptLength }
    /// NFE as the decoder's published implementation reports it.
    public var evaluations: Int { state.evaluations }
    /// Number of answered forwards.
    public var forwards: Int { state.forwards }
    /// Sum of the input lengths of the answered forwards.
    public var tokensForwarded: Int { state.tokensForwarded }
}

/// One sequence to decode.
public struct DecodingTask: Sendable, Hashable {
    /// Tokens that are given.
    public var prompt: [Int32]
    /// The token that stands for "not decoded yet".
    public var maskToken: Int32
    /// The end-of-text token; nil if there is none.
    public var endToken: Int32?
    /// Other tokens that end a text, as models have whose chats end otherwise than their texts.
    public var furtherEndTokens: [Int32]
    /// What the model's generation_config.json asks of repeated tokens; 1 for nothing.
    ///
    /// Methods have an option whether it counts.
    public var repetitionPenalty: Double
    /// Names the random numbers, and may set a temperature; nil leaves both to the prompt and the method.
    public var sampling: Sampling?
    /// Whether the prompt's own tokens are candidates too, so that their log-probabilities are told.
    ///
    /// Only ``AutoregressiveDecoder`` knows what that is; it then feeds the prompt in pieces.
    public var scoresPrompt = false

    public init(
        prompt: [Int32], maskToken: Int32, endToken: Int32?, furtherEndTokens: [Int32] = [],
        repetitionPenalty: Double = 1, sampling: Sampling? = nil
    ) {
        self.repetitionPenalty = repetitionPenalty
        self.furtherEndTokens = furtherEndTokens
        self.prompt = prompt
        self.maskToken = maskToken
        self.endToken = endToken
        self.sampling = sampling
    }
}
