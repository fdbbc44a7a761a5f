/// Where a decoder that works on one block at a time stands.
struct BlockCursor: Sendable {
    let layout: BlockLayout
    private let options: BlockwiseOptions
    private var block = 0
    private var hasEnded = false
    private var schedule: TransferSchedule?
    /// Answered forwards of the current block.
    private(set) var forwardsInBlock = 0

    init(_ options: BlockwiseOptions, promptLength: Int) {
        precondition(
            options.blockLength > 0 && options.generationLength % options.blockLength == 0,
            "the generation length must be a multiple of the block length")
        layout = BlockLayout(
            promptLength: promptLength, generationLength: options.generationLength,
            blockLength: options.blockLength)
        self.options = options
    }

    /// Positions of the current block, or nil at the end.
    ///
    /// Plans a block when it is first asked for.
    mutating func current(_ state: DecodingState) -> Range<Int>? {
        guard !hasEnded, block < layout.wholeBlocks else { return nil }
        let range = layout.range(block)
        if schedule == nil {
            schedule = TransferSchedule(masks: state.maskCount(in: range), steps: options.stepsPerBlock)
        }
        return range
    }

    /// How many tokens the schedule allows the forward that is being answered; counts that forward.
    mutating func scheduledCount() -> Int {
        defer { forwardsInBlock += 1 }
        return schedule?.count(at: forwardsInBlock) ?? 1
    }

    /// Goes on to the next block.
    mutating func finishBlock(_ state: DecodingState) {
        block += 1
        forwardsInBlock = 0
        schedule = nil
        guard options.earlyStop else { return }
        switch options.earlyStopStyle {
        case .fill: hasEnded = !state.hasMask(in: state.generated)
        case .dInfer: hasEnded = state.firstEnd(in: 0..<state.tokens.count) != nil
        }
    }

    /// Fills after the end token where the options say so.
    ///
    /// - Parameter filledCache: whether the forward just answered was the one that filled the cache.
    func applyEarlyStop(_ state: inout DecodingState, filledCache: Bool) {
        guard options.earlyStop else { return }
        switch options.earlyStopStyle {
        case .fill: state.fillAfterEnd(in: state.generated)
        case .dInfer: if !filledCache { state.fillAfterEnd(in: 0..<state.tokens.count) }
        }
    }

    /// For observers: everything before the current block is completed, everything after it inactive.
    var blockStates: [BlockState] {
        (0..<layout.wholeBlocks).map { $0 < block ? .completed : $0 == block ? .fullyActivated : .inactive }
    }
}
