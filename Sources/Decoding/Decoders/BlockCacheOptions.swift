package import Documents

/// Options of ``BlockCacheDecoder``.
public struct BlockCacheOptions: DecoderOptions {
    /// What it has in common with decoding without a cache.
    public var blocks: BlockwiseOptions

    /// What the cache stands for; a method each.
    let reuse: BlockCacheDecoder.Reuse

    public init(_ blocks: BlockwiseOptions, reuse: BlockCacheDecoder.Reuse) {
        self.blocks = blocks
        self.reuse = reuse
    }

    package init(_ fields: Fields, defaults: BlockCacheOptions) {
        reuse = defaults.reuse
        blocks = BlockwiseOptions(fields, defaults: defaults.blocks)
        blocks.forwardsFinishedBlocks = fields.uselessForward(default: blocks.forwardsFinishedBlocks)
    }

    public var lengths: DecodingLengths { blocks.lengths }

    public func effort(prompt: Double, answer: Double) -> DecodingEffort? {
        reuse.effort(of: blocks, prompt: prompt, answer: answer)
    }
}

/// Options of ``DreamBlockCacheDecoder``.
public struct DreamBlockCacheOptions: DecoderOptions {
    /// What it has in common with decoding without a cache.
    public var blocks: BlockwiseOptions

    /// What the cache stands for; a method each.
    let reuse: BlockCacheDecoder.Reuse

    public init(_ blocks: BlockwiseOptions, reuse: BlockCacheDecoder.Reuse) {
        self.blocks = blocks
        self.reuse = reuse
    }

    package init(_ fields: Fields, defaults: DreamBlockCacheOptions) {
        reuse = defaults.reuse
        blocks = BlockwiseOptions(fields, defaults: defaults.blocks, hasRemasking: false)
        blocks.forwardsFinishedBlocks = fields.uselessForward(default: blocks.forwardsFinishedBlocks)
    }

    public var lengths: DecodingLengths { blocks.lengths }

    public func effort(prompt: Double, answer: Double) -> DecodingEffort? {
        reuse.effort(of: blocks, prompt: prompt, answer: answer)
    }
}

extension BlockCacheDecoder.Reuse {
    /// The effort with the first forward of each block over the whole sequence, and the others over what isn't cached.
    fileprivate func effort(of blocks: BlockwiseOptions, prompt: Double, answer: Double) -> DecodingEffort {
        let expected = ExpectedResponse(
            blocks.lengths, stopsEarly: blocks.earlyStop, prompt: prompt, answer: answer)
        var effort = blocks.effort(expected)
        let (count, forwards) = (expected.wanted / expected.block, effort.forwards)
        let rest =
            switch self {
            case .prefix: expected.length - (expected.wanted - expected.block) / 2
            case .dual: expected.block
            }
        effort.tokens =
            (count * expected.whole + max(0, forwards - count) * rest) / max(forwards, count)
        effort.forwards = max(forwards, count) + count / 2
        effort.cached = expected.whole - effort.tokens
        return effort
    }
}

extension Fields {
    /// Whether a block that is done after the forward that fills the cache costs another one.
    fileprivate func uselessForward(default value: Bool) -> Bool {
        let behaviour: Quirks.Behaviour = value ? .faithful : .corrected
        return option(
            "uselessForward", default: behaviour,
            "Whether a block that the cache-filling forward finished is forwarded once more, as Fast-dLLM does (faithful), or not, as dInfer does (corrected)."
        ) == .faithful
    }
}
