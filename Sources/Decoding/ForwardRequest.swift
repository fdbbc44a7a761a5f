public import Transformers

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
        /// The inputs attend to the cache with their own keys and values in place of the rows from `at` on.
        case overwrite(at: Int)
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
