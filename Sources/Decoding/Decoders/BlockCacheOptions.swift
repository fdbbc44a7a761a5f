/// Options of ``BlockCacheDecoder``.
public struct BlockCacheOptions: DecoderOptions {
    /// What it has in common with decoding without a cache.
    public var blocks: BlockwiseOptions

    public init(_ blocks: BlockwiseOptions) { self.blocks = blocks }

    public init(_ parameters: inout ParameterReader, defaults: BlockCacheOptions) {
        blocks = BlockwiseOptions(&parameters, defaults: defaults.blocks)
        blocks.forwardsFinishedBlocks = parameters.uselessForward(default: blocks.forwardsFinishedBlocks)
    }
}

/// Options of ``DreamBlockCacheDecoder``.
public struct DreamBlockCacheOptions: DecoderOptions {
    /// What it has in common with decoding without a cache.
    public var blocks: BlockwiseOptions

    public init(_ blocks: BlockwiseOptions) { self.blocks = blocks }

    public init(_ parameters: inout ParameterReader, defaults: DreamBlockCacheOptions) {
        blocks = BlockwiseOptions(&parameters, defaults: defaults.blocks, hasRemasking: false)
        blocks.forwardsFinishedBlocks = parameters.uselessForward(default: blocks.forwardsFinishedBlocks)
    }
}

extension ParameterReader {
    /// Whether a block that is done after the forward that fills the cache costs another one.
    fileprivate mutating func uselessForward(default value: Bool) -> Bool {
        let behaviour: Quirks.Behaviour = value ? .faithful : .corrected
        return choice(
            "uselessForward", default: behaviour,
            "Whether a block that the cache-filling forward finished is forwarded once more, as Fast-dLLM does (faithful), or not, as dInfer does (corrected)."
        ) == .faithful
    }
}
