/// How a decoder that works on one block at a time stops once it has decoded the end token.
public enum EarlyStopStyle: String, Sendable, Hashable, CaseIterable {
    /// After each forward, everything after the first end token of the response becomes the end token; decoding
    /// ends when no mask is left before it.
    case fill
    /// As dInfer: the same after each forward but the one that fills the cache, looking at the prompt too; and
    /// decoding ends after a block if there is an end token anywhere.
    ///
    /// So an end token in the prompt overwrites all that follows it there, and a block that the cache-filling forward
    /// finished ends decoding with masks left behind it.
    case dInfer
}
