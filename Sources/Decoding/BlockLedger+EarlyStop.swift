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
