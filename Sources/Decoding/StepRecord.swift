/// One answered forward, as an observer sees it.
public struct StepRecord: Sendable {
    /// Number of forwards before this one.
    public let index: Int
    /// How the forward related to the cache.
    public let kind: ForwardRequest.Kind
    /// Positions that were forwarded.
    public let inputs: Range<Int>
    /// The whole sequence as it stood when the forward was asked for.
    ///
    /// The difference between the sequences of neighbouring steps shows everything that happened, early-stop
    /// filling included; ``unmasked`` shows only what this forward decided.
    public let sequence: [Int32]
    /// What was accepted, by ascending position.
    public let unmasked: [Prediction]
    /// State of each block of the response when the forward was asked for, by ascending position.
    public let blocks: [BlockState]
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
