/// How a response is cut into blocks of equal length.
struct BlockLayout: Sendable, Hashable {
    let promptLength: Int
    let generationLength: Int
    let blockLength: Int

    /// Number of blocks that fit wholly.
    var wholeBlocks: Int { generationLength / blockLength }

    /// Number of blocks, a shorter last one included.
    var allBlocks: Int { (generationLength + blockLength - 1) / blockLength }

    /// End of the response.
    var end: Int { promptLength + generationLength }

    /// Positions of block `index`, from 0.
    func range(_ index: Int) -> Range<Int> {
        let start = promptLength + index * blockLength
        return start..<min(start + blockLength, end)
    }
}

extension [BlockState] {
    /// States of blocks of which one is decoded at a time: those before `current` are completed, those behind it inactive.
    static func oneAtATime(_ count: Int, current: Int) -> [BlockState] {
        (0..<count).map { $0 < current ? .completed : $0 == current ? .fullyActivated : .inactive }
    }
}

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
        // It ended with the forward that decoded the end token, if there was one.
        case .end: break
        }
    }

    /// Fills after the end token where the options say so.
    ///
    /// - Parameter filledCache: whether the forward just answered was the one that filled the cache.
    mutating func applyEarlyStop(_ state: inout DecodingState, filledCache: Bool) {
        guard options.earlyStop else { return }
        switch options.earlyStopStyle {
        case .fill: state.fillAfterEnd(in: state.generated)
        case .end: hasEnded = state.fillAfterEnd(in: state.generated) != nil
        case .dInfer: if !filledCache { state.fillAfterEnd(in: 0..<state.tokens.count) }
        }
    }

    /// For observers: everything before the current block is completed, everything after it inactive.
    var blockStates: [BlockState] {
        .oneAtATime(layout.wholeBlocks, current: block)
    }
}

/// The blocks of multi-block decoding and their bookkeeping; the prompt is block 0.
///
/// Mask counts are kept as numbers instead of being counted in the sequence, because upstream does so and the
/// two can part ways (``Quirks/snapshot``).
struct BlockLedger: Sendable {
    struct Block: Sendable, Hashable {
        let range: Range<Int>
        var maskCount: Int
        var isFullyActivated: Bool
        /// NFE of the turn that first saw the block without masks.
        var completedAt: Int?
        var isCached = false

        /// Share of the block that is decoded; 1 for an empty block.
        var progress: Double {
            range.isEmpty ? 1 : 1 - Double(maskCount) / Double(range.count)
        }
    }

    private(set) var blocks: [Block]
    let layout: BlockLayout
    /// Number of blocks there will be, without the prompt.
    let blockCount: Int
    private let addThreshold: Double
    private let activationThreshold: Double

    init(_ options: MultiBlockOptions, promptLength: Int) {
        layout = BlockLayout(
            promptLength: promptLength, generationLength: options.generationLength,
            blockLength: options.blockLength)
        precondition(options.blockLength > 0, "a block holds at least one token")
        let isPartial = options.generationLength % options.blockLength != 0
        precondition(
            !isPartial || options.rules.decodesPartialBlock,
            "the generation length must be a multiple of the block length")
        blockCount = layout.allBlocks
        addThreshold = options.blockAddThreshold
        activationThreshold = options.decodedTokenThreshold
        blocks = [Block(range: 0..<promptLength, maskCount: 0, isFullyActivated: true, completedAt: 0)]
        if blockCount > 0 {
            let range = layout.range(0)
            blocks.append(
                Block(range: range, maskCount: range.count, isFullyActivated: 1 >= activationThreshold))
        }
    }

    /// Whether every block has been created.
    var isComplete: Bool { blocks.count > blockCount }

    /// Fully activates blocks whose predecessor is decoded far enough.
    mutating func activate() {
        for index in blocks.indices.dropFirst() where !blocks[index].isFullyActivated {
            blocks[index].isFullyActivated = blocks[index - 1].progress >= activationThreshold
        }
    }

    /// Creates the next block if the last one is decoded far enough; at most one per turn.
    mutating func addBlock(_ state: DecodingState) {
        guard !isComplete, blocks.count > 1, let last = blocks.last else { return }
        guard last.progress >= addThreshold || last.maskCount == 0 else { return }
        let range = layout.range(blocks.count - 1)
        blocks.append(
            Block(
                range: range, maskCount: state.maskCount(in: range),
                isFullyActivated: last.progress >= activationThreshold))
    }

    /// End of the right-most block that is fully activated or has masks; nil if that is none but the prompt.
    var activeEnd: Int? {
        let index = blocks.lastIndex { $0.isFullyActivated || $0.maskCount > 0 } ?? 0
        return index == 0 ? nil : blocks[index].range.upperBound
    }

    /// The fully activated blocks that still have masks, in order: those that must make progress.
    var toAdvance: [Range<Int>] {
        blocks.dropFirst().filter { $0.isFullyActivated && $0.maskCount > 0 }.map(\.range)
    }

    /// Takes the accepted positions off the mask counts, which stop at 0.
    ///
    /// More can be accepted than are counted, with ``Quirks/snapshot``. Upstream's version without a cache lets counts go
    /// negative then, but nobody can tell: whatever reads a count asks whether it is above 0, or compares a progress of 1
    /// or more with a threshold that is at most 1. With a cache, where a count of 0 is asked for, upstream stops there too.
    mutating func subtract(_ accepted: [Prediction]) {
        for index in blocks.indices.dropFirst() where blocks[index].maskCount > 0 {
            let count = accepted.count { blocks[index].range.contains($0.position) }
            blocks[index].maskCount = max(0, blocks[index].maskCount - count)
        }
    }

    mutating func append(_ block: Block) { blocks.append(block) }

    /// Changes one block; the others' mask counts and places stay.
    mutating func update(_ index: Int, _ change: (inout Block) -> Void) { change(&blocks[index]) }

    /// States for observers, without the prompt; blocks to come are inactive.
    ///
    /// - Parameter usesCache: whether a block without masks stabilizes until it is cached.
    func states(usesCache: Bool) -> [BlockState] {
        let created = blocks.dropFirst().map { block -> BlockState in
            if block.maskCount > 0 { return block.isFullyActivated ? .fullyActivated : .activated }
            return usesCache && !block.isCached ? .completedStabilizing : .completed
        }
        return created + [BlockState](repeating: .inactive, count: max(0, blockCount - created.count))
    }
}

extension BlockLedger {
    /// Settles the blocks once everything after the end token at `end` has become the end token.
    ///
    /// Blocks after it are done; the block that holds it has only the masks before it left. Missing blocks that
    /// start after it are created as done, up to the first that doesn't.
    mutating func settle(afterEnd end: Int, _ state: DecodingState, rules: MultiBlockRules) {
        for index in blocks.indices.dropFirst() {
            let range = blocks[index].range
            if range.lowerBound > end {
                update(index) { block in
                    block.maskCount = 0
                    block.isFullyActivated = true
                    if rules.cachesBlocksAfterEnd {
                        block.completedAt = block.completedAt ?? state.evaluations
                        block.isCached = true
                    }
                }
            } else if range.contains(end) || rules.recountsAfterEnd {
                let masks = state.maskCount(in: range.lowerBound..<min(range.upperBound, end + 1))
                update(index) { block in
                    block.maskCount = masks
                    if masks == 0 { block.isFullyActivated = true }
                }
            }
        }
        createDoneBlocks(after: end, evaluation: state.evaluations)
    }

    private mutating func createDoneBlocks(after end: Int, evaluation: Int) {
        while !isComplete, layout.range(blocks.count - 1).lowerBound > end {
            append(
                Block(
                    range: layout.range(blocks.count - 1), maskCount: 0, isFullyActivated: true,
                    completedAt: evaluation, isCached: true))
        }
    }
}
