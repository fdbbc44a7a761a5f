public import Transformers

/// A decoding method as a state machine, apart from any model.
///
/// The driver alternates: ``nextRequest()`` names a forward, ``accept(_:)`` takes its predictions. That makes
/// each method testable with scripted predictions, lets one forward serve many samples, and shows each step.
public protocol Decoder: Sendable {
    /// The sequence and the counters.
    var state: DecodingState { get }
    /// Longest sequence that this decoder can reach; what a key/value cache must have room for.
    var maximumLength: Int { get }

    /// Says which model decodes, before the first request; most methods needn't know.
    mutating func begin(_ model: TransformerConfiguration)

    /// The next forward, or nil when decoding has ended. Must be answered before it is called again.
    mutating func nextRequest() -> ForwardRequest?

    /// Takes the predictions for the candidates of the last request, in their order.
    @discardableResult
    mutating func accept(_ predictions: [Prediction]) -> StepRecord
}

extension Decoder {
    public mutating func begin(_ model: TransformerConfiguration) {}
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
    /// Number of answered forwards of the verifier, which the others don't count.
    public var verifierForwards: Int { state.verifierForwards }
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
    /// What decoders that fill a text up take for that; nil for the end token, or the prompt's last where there is none.
    public var paddingToken: Int32?
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

/// What a decoder asks of the model: one forward evaluation over part of its sequence.
///
/// Positions are absolute: 0 is the first prompt token. The driver maps them to rows of logits, so a decoder
/// never needs to know whether a model predicts position p from row p (LLaDA) or from row p − 1 (Dream,
/// autoregressive models).
public struct ForwardRequest: Sendable, Hashable {
    /// How the forward relates to the key/value cache; the names are those of the recorded upstream traces.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        /// The whole sequence; no cache is read or written.
        case full
        /// The whole sequence, and the cache is made anew from it.
        case prefill
        /// Part of the sequence beside the cache, which stays as it is.
        case cached
        /// Part of the sequence beside the cache, which grows by the first inputs.
        case cacheUpdate = "cache_update"
        /// One block whose rows of a whole-sequence cache are replaced.
        case dual
        /// A block beside the cache, which holds it until it is complete (Fast-dLLM v2's cache of a block).
        case blockPrefill = "block_prefill"
    }

    /// What happens to the sample's key/value cache.
    public enum CacheAction: Sendable, Hashable {
        /// The cache is neither read nor written.
        case ignore
        /// The inputs attend to the cache, which stays as it is.
        case read
        /// The inputs attend to the cache, and the first `n` of them join it.
        case append(Int)
        /// The cache is emptied first; then the first `n` inputs become its content.
        case rebuild(Int)
        /// The cache is cut to its first `from` positions; the rest is as in ``append(_:)``.
        case replace(from: Int, Int)
        /// The cache is cut to its first `from` positions and those of `keeping`, which move up behind them; the rest is as in
        /// ``append(_:)``.
        case narrow(from: Int, keeping: Range<Int>, Int)
        /// The inputs attend to the cache with their own keys and values in place of the rows from `at` on.
        case overwrite(at: Int)
    }

    /// A token that could stand at a position of the inputs.
    public struct Sibling: Sendable, Hashable {
        public var position: Int
        public var token: Int32
    }

    /// Which logits row predicts the first input when the model's logits are shifted by one.
    public enum BoundaryRow: String, Sendable, Hashable, CaseIterable {
        /// The row of the position before it, kept from the last forward that computed it.
        case kept
        /// The first row of this forward, which really predicts the next position (upstream's Dream code).
        case local
    }

    /// Name of this forward in traces.
    public var kind: Kind
    /// Positions whose tokens are the inputs.
    public var inputs: Range<Int>
    /// Other tokens for the inputs, which the same forward reads beside the same cache, apart from each other; each list is as
    /// long as ``inputs``.
    ///
    /// The candidates are answered for the sequence's own tokens first, then for each of these. In causal requests, what a cache takes
    /// of the inputs counts them one list behind the other; in others it takes none of them, and ``CacheAction/overwrite(at:)``
    /// leaves the last one's.
    public var variants: [[Int32]] = []
    /// Other tokens for single positions, which the same forward reads apart from each other: each sees what is before its position.
    ///
    /// What predicts the token behind each is answered after the candidates. What a cache takes of the inputs counts them behind
    /// the sequence's own. Only causal requests have any, and not together with ``variants``.
    public var siblings: [Sibling] = []
    /// What the forward leaves out of the model; nil for nothing.
    public var skips: LayerSkips?
    /// How much of the cache the inputs see, from its first position on; nil for all.
    ///
    /// Only causal requests say so.
    var seen: Int?
    /// Whether predictions bring their rows of logits with them.
    var wantsLogits = false
    /// Whether the verifier answers, a second model with a cache of its own, instead of the model that is decoded.
    public var isForVerifier = false
    /// Whether the rows of the candidates are kept, to be mixed with those of the next request's.
    var keepsRows = false
    /// Has what the candidates' logits predict mixed into what the next forward reads at those that stay masked, and is the
    /// temperature of the softmax whose entropy gives the shares; nil mixes nothing in.
    ///
    /// See ``ResidualInput``; a second model's predictions are mixed in with the first one's embeddings.
    var residualTemperature: Double?
    /// Share of the kept rows in what the candidates' tokens are chosen from; the rest is of this request's rows.
    ///
    /// Logits are mixed as they are, over the smaller vocabulary (APD's product of two distributions).
    var keptShare: Float?
    /// Rotary position of the first input; `inputs.lowerBound` but for one oddity of d3LLM's cached decoding.
    public var rotaryStart: Int
    /// Positions to predict, ascending; only their rows of logits are computed.
    public var candidates: [Int]
    /// What happens to the cache.
    public var cache: CacheAction
    /// Who may attend to whom.
    public var attention: AttentionPattern
    /// See ``BoundaryRow``; without effect on models whose logits aren't shifted.
    public var boundaryRow: BoundaryRow
    /// Positions from which later requests with this cache may start: the driver keeps the row before each
    /// that this forward covers, for ``BoundaryRow/kept``.
    public var boundaries: [Int]
    /// Whether position p is predicted from row p − 1 whatever the model's configuration says.
    public var predictsNext: Bool
    /// How tokens are chosen.
    public var choice = TokenChoice()
    /// The random numbers of this forward, where the choice needs some.
    public var draws: SamplingStep?

    /// Creates a request; what isn't given is the simplest case: bidirectional, no cache, most probable token.
    public init(
        _ kind: Kind, inputs: Range<Int>, candidates: [Int], cache: CacheAction = .ignore,
        attention: AttentionPattern = .bidirectional, rotaryStart: Int? = nil,
        boundaryRow: BoundaryRow = .kept, boundaries: [Int] = [], predictsNext: Bool = false
    ) {
        self.kind = kind
        self.inputs = inputs
        self.candidates = candidates
        self.cache = cache
        self.attention = attention
        self.rotaryStart = rotaryStart ?? inputs.lowerBound
        self.boundaryRow = boundaryRow
        self.boundaries = boundaries
        self.predictsNext = predictsNext
    }
}

/// The model's answer for one candidate position.
public struct Prediction: Sendable, Hashable {
    /// Absolute position in the sequence.
    public var position: Int
    /// The most probable token (lowest id among equals), or the drawn one when sampling.
    public var token: Int32
    /// Softmax probability of ``token``.
    public var probability: Double
    /// Softmax probability of the second most probable token.
    public var secondProbability: Double
    /// Entropy of the softmax, in nats.
    public var entropy: Double
    /// 1 − ``probability``, kept apart because it still tells predictions apart whose probability rounds to 1.
    public var doubt: Double
    /// The most probable token, whatever was drawn.
    public var best: Int32
    /// 1 − the probability of ``best``.
    public var bestDoubt: Double
    /// The row of logits (V), where a request wants it.
    var logits: [Float] = []

    /// 1 − the distance between the two highest probabilities; keeps apart what rounds to a distance of 1.
    var marginDoubt: Double { bestDoubt + secondProbability }

    /// Creates a prediction of the most probable token; `doubt` follows from `probability` unless it is known more
    /// exactly.
    public init(
        position: Int, token: Int32, probability: Double, secondProbability: Double = 0, entropy: Double,
        doubt: Double? = nil
    ) {
        self.position = position
        self.token = token
        self.probability = probability
        self.secondProbability = secondProbability
        self.entropy = entropy
        self.doubt = doubt ?? 1 - probability
        best = token
        bestDoubt = self.doubt
    }
}

/// One answered forward, as an observer sees it.
public struct StepRecord: Sendable {
    /// Number of forwards before this one.
    public let index: Int
    /// How the forward related to the cache.
    public let kind: ForwardRequest.Kind
    /// Positions that were forwarded.
    public let inputs: Range<Int>
    /// Other tokens that were forwarded in their place; see ``ForwardRequest/variants``.
    public let variants: [[Int32]]
    /// Tokens that were forwarded for single positions besides.
    public let siblings: [ForwardRequest.Sibling]
    /// What the forward left out of the model.
    public let skips: LayerSkips?
    /// Whether the verifier answered.
    public let isOfVerifier: Bool
    /// The whole sequence as it stood when the forward was asked for.
    ///
    /// The difference between the sequences of neighbouring steps shows everything that happened, early-stop
    /// filling included; ``unmasked`` shows only what this forward decided.
    public let sequence: [Int32]
    /// What was accepted, by ascending position.
    public let unmasked: [Prediction]
    /// State of each block of the response when the forward was asked for, by ascending position.
    public let blocks: [BlockState]
    /// What part of a masked position's input was predicted by the forward before, by position; see ``ResidualInput``.
    public internal(set) var residualShares: [Int: Float] = [:]
    /// The log-probabilities of the candidates that the sequence has tokens for, where the driver was asked for them.
    public internal(set) var likelihoods: [TokenLikelihood] = []
}

/// The life of a block, in the paper's words.
public enum BlockState: String, Sendable, Hashable, CaseIterable {
    /// Not created yet.
    case inactive
    /// Decodes only what the acceptance rule lets through.
    case activated
    /// Decodes at least one token per forward.
    case fullyActivated
    /// Has no masks left but isn't in the cache yet.
    case completedStabilizing
    /// Has no masks left; with a cache: its keys and values are stored.
    case completed
}
