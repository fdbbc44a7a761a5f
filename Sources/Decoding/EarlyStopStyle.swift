/// How a decoder that works on one block at a time stops once it has decoded the end token.
public enum EarlyStopStyle: Sendable, Hashable {
    /// After each forward, everything after the first end token of the response becomes the end token; decoding
    /// ends when no mask is left before it.
    case fill
    /// As dInfer: the same after each forward but the one that fills the cache, looking at the prompt too; and
    /// decoding ends after a block if there is an end token anywhere.
    case dInfer
}
