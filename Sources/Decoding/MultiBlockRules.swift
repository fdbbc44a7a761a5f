/// What differs between the LLaDA and the Dream version of d3LLM's multi-block decoding.
public struct MultiBlockRules: Sendable, Hashable {
    /// Whether an entropy equal to the threshold is accepted (LLaDA) or only a smaller one (Dream).
    public var includesThreshold: Bool
    /// Whether the lowest entropy of all candidates is accepted whatever it is, even in a block that isn't
    /// fully activated (LLaDA).
    public var acceptsBest: Bool
    /// Whether an early stop counts every block's masks anew and activates the empty ones (Dream), or settles
    /// only the block of the end token and those after it (LLaDA).
    public var recountsAfterEnd: Bool
    /// Whether a block that is done but not cached keeps those after it from being looked at for the cache.
    ///
    /// LLaDA's does; in Dream's, several blocks can be waiting at once.
    public var waitsForStabilizing: Bool
    /// Whether an early stop marks the blocks after the end token as cached (Dream) or only those that it
    /// creates (LLaDA).
    public var cachesBlocksAfterEnd: Bool
    /// Whether tokens are drawn with noise on the logits and the forced one is the most probable (LLaDA), or all are
    /// drawn from the softmax (Dream); the same without a temperature.
    public var addsNoise: Bool
    /// Whether a last block that is shorter than the others is decoded (Dream).
    ///
    /// Upstream does so with a cache only. Its other versions never decode such a block and make forwards in vain up
    /// to their limit; here it is decoded without a cache too, and LLaDA's version asks for whole blocks.
    public var decodesPartialBlock: Bool

    /// The version for LLaDA models.
    public static let llada = MultiBlockRules(
        includesThreshold: true, acceptsBest: true, recountsAfterEnd: false, waitsForStabilizing: true,
        cachesBlocksAfterEnd: false, addsNoise: true, decodesPartialBlock: false)
    /// The version for Dream models.
    public static let dream = MultiBlockRules(
        includesThreshold: false, acceptsBest: false, recountsAfterEnd: true, waitsForStabilizing: false,
        cachesBlocksAfterEnd: true, addsNoise: false, decodesPartialBlock: true)

    /// The model families that upstream has a version for.
    enum Family: String, CaseIterable {
        case llada, dream

        var rules: MultiBlockRules { self == .llada ? .llada : .dream }
    }

    public init(
        includesThreshold: Bool, acceptsBest: Bool, recountsAfterEnd: Bool, waitsForStabilizing: Bool,
        cachesBlocksAfterEnd: Bool, addsNoise: Bool, decodesPartialBlock: Bool
    ) {
        self.includesThreshold = includesThreshold
        self.acceptsBest = acceptsBest
        self.recountsAfterEnd = recountsAfterEnd
        self.waitsForStabilizing = waitsForStabilizing
        self.cachesBlocksAfterEnd = cachesBlocksAfterEnd
        self.addsNoise = addsNoise
        self.decodesPartialBlock = decodesPartialBlock
    }
}
